"""Who may see a telephone number in full.

Keys that only read see the last two digits: a screen on the wall needs no numbers. Keys that may
write see them whole, and so does whoever is on the machine itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.domain.model import mask
from gateway.domain.records import Scope
from gateway.web.api.call import Identity

__all__ = ["NUMBER", "Show", "sees_names", "show_for"]

Show = Callable[[str], str]
"""Turns an E.164 number into what may be shown of it."""

NUMBER: Final = "E.164; a key that may only read sees the last two digits."
"""What every description of a number in an answer says."""


def _whole(number: str) -> str:
    return number


def show_for(identity: Identity) -> Show:
    """Return how numbers are shown to whoever asks."""
    return _whole if sees_names(identity) else mask


def sees_names(identity: Identity) -> bool:
    """Tell whether whoever asks may see who a contact is."""
    return identity.may(Scope.WRITE)
