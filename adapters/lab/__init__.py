"""The practice world: a simulated switch and simulated people."""
