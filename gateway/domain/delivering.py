"""When a message is tried again, and when nobody tries any more: pure rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from gateway.domain.records import Delivery

__all__ = ["DISABLE_AFTER", "GONE", "MAX_TRIES", "SCHEDULE", "Outcome", "after_try", "again"]

SCHEDULE: Final = (5.0, 30.0, 120.0, 900.0, 3600.0, 14400.0, 43200.0, 86400.0)
"""Seconds to wait after the first failure, the second ...; after the last the message is over."""

MAX_TRIES: Final = len(SCHEDULE) + 1
DISABLE_AFTER: Final = timedelta(days=3)
"""A webhook that took nothing for this long, while it was told something, is disabled."""

GONE: Final = 410
"""The status by which a receiver says that it wants nothing any more."""

_JITTER = 0.2
_LONGEST_ASKED = 3600.0
_MOST_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one try. ``retry_after``: seconds the receiver asked for."""

    taken: bool
    status: int | None = None
    error: str = ""
    retry_after: float | None = None


def after_try(
    delivery: Delivery, outcome: Outcome, now: datetime, *, chance: float, max_tries: int
) -> Delivery:
    """Return the delivery as it is after a try: taken, to be tried again, or given up.

    ``chance`` (0 to 1) spreads the waits by up to a fifth, always to later. A wait that the
    receiver asked for is kept, up to an hour.
    """
    tried = replace(
        delivery,
        tries=delivery.tries + 1,
        status=outcome.status,
        error=outcome.error[:_MOST_TEXT],
        next_at=None,
    )
    if outcome.taken:
        return replace(tried, delivered_at=now, error="")
    if outcome.status == GONE or tried.tries >= min(max_tries, MAX_TRIES):
        return tried
    wait = SCHEDULE[tried.tries - 1] * (1 + _JITTER * chance)
    asked = min(outcome.retry_after or 0.0, _LONGEST_ASKED)
    return replace(tried, next_at=now + timedelta(seconds=max(wait, asked)))


def again(delivery: Delivery, now: datetime) -> Delivery:
    """Return the delivery as it is when it is to be sent anew: same name, same bytes."""
    return replace(delivery, tries=0, next_at=now, delivered_at=None, status=None, error="")
