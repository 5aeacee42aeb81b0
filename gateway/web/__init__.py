"""What Kairos offers over HTTP."""
