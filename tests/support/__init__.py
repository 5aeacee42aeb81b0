"""What tests lean on: guards, servers of their own, and what must be there to run."""
