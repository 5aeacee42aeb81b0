"""The tests: what Kairos promises, written so that a machine can check it."""
