"""Whole processes are killed here, and an independent auditor counts what became of every call."""
