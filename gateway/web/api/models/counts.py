"""How many callbacks there are."""

from __future__ import annotations

from gateway.web.api.schema import Out

__all__ = ["CountsOut"]


class CountsOut(Out):
    """How many callbacks there are in each state."""

    callbacks: dict[str, int]
    """State to number of callbacks; every state is there."""
