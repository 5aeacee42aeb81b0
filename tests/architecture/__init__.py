"""What the code base promises about its own shape."""
