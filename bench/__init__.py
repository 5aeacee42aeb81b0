"""Benchmarks: Kairos beside the thing it is compared with, in one run; `make bench`."""
