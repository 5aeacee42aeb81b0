"""The practice world: people who can be called, and a real Asterisk to call them with."""
