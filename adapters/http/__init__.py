"""HTTP plumbing shared by the cloud dialers."""
