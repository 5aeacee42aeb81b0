"""In-memory dialer, store and clock: real implementations, shipped."""
