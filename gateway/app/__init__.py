"""Use cases: take callbacks in, dispatch them, track calls, resolve doubts. No I/O of their own."""
