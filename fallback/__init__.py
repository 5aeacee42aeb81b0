"""What is done when the model or a carrier cannot be had: rules, breaker, router, retry."""
