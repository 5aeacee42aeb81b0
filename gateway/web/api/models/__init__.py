"""What is sent and answered, as pydantic models: they check and they document."""
