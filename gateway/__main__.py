"""``python -m gateway``: the same as ``kairos``."""

from gateway.cli import main

main()
