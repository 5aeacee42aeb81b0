"""The clock, ids and randomness of the machine."""
