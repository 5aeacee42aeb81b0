"""Fresh names: sortable by creation time, impossible to guess, safe in every place they go.

A name is a short prefix and 26 small letters and digits of Crockford's base 32 (no i, l, o, u):
48 bits of milliseconds since 1970 and 80 bits of chance.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

__all__ = ["LEG_PREFIX", "RandomIds"]

LEG_PREFIX: Final = "kairos"
"""What every channel of ours begins with at a switch; with it a leg id has 32 characters."""

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH: Final = 26
# Two at a time: half the work, and imports have millions.
_PAIRS: Final = tuple(one + other for one in _ALPHABET for other in _ALPHABET)
_PLACES: Final = range(5 * (_LENGTH - 2), -1, -10)
_CHANCE_BITS: Final = 80


class RandomIds:
    """The ``Ids`` of a running gateway; may be used from several threads.

    Names of one instance rise even when the wall clock is put back. ``now_ns`` returns nanoseconds
    since 1970.
    """

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._last = 0

    def callback_id(self) -> str:
        """Return a fresh callback id: ``cb`` and 26 characters."""
        return f"cb{self._fresh()}"

    def contact_id(self) -> str:
        """Return a fresh contact id: ``ct`` and 26 characters."""
        return f"ct{self._fresh()}"

    def attempt_id(self) -> str:
        """Return a fresh attempt id: ``at`` and 26 characters."""
        return f"at{self._fresh()}"

    def leg_id(self) -> str:
        """Return a fresh leg id: always 32 small letters and digits, none the start of another."""
        return f"{LEG_PREFIX}{self._fresh()}"

    def _fresh(self) -> str:
        milliseconds = self._now_ns() // 1_000_000
        value = milliseconds << _CHANCE_BITS | secrets.randbits(_CHANCE_BITS)
        with self._lock:
            if value <= self._last:
                value = self._last + 1 + secrets.randbits(_CHANCE_BITS // 2)
            self._last = value
        return "".join([_PAIRS[value >> place & 1023] for place in _PLACES])
