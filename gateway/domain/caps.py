"""How often a contact and a number may be called: a guard is moved in the reserving transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.domain.model import Guard

__all__ = ["CapReached", "contact_key", "count_attempt", "number_key", "refund_attempt"]

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CapReached:
    """No attempt now; ``until`` (UTC) is when the cap allows the next."""

    reason: str
    until: datetime


def contact_key(contact_id: str) -> str:
    """Name the guard of a contact."""
    return f"contact:{contact_id}"


def number_key(e164: str) -> str:
    """Name the guard of a number."""
    return f"number:{e164}"


def count_attempt(
    guard: Guard, now: datetime, zone: ZoneInfo, *, cap_day: int, cap_week: int, min_gap: float
) -> Guard | CapReached:
    """Return the guard with one more attempt at ``now`` (UTC), or why and until when not.

    The day is the contact's calendar day, the week any seven times 24 hours; ``min_gap`` in
    seconds lies between two attempts.
    """
    recent = tuple(at for at in guard.recent if at > now - _WEEK)
    if guard.next_allowed_at and now < guard.next_allowed_at:
        return CapReached("minimum gap since the last attempt", guard.next_allowed_at)
    today = now.astimezone(zone).date()
    n_day = sum(at.astimezone(zone).date() == today for at in recent)
    if n_day >= cap_day:
        midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), zone)
        return CapReached(f"{n_day} attempts today, at most {cap_day}", midnight.astimezone(UTC))
    if len(recent) >= cap_week:
        free_at = (recent[-cap_week] if cap_week > 0 else now) + _WEEK
        return CapReached(f"{len(recent)} attempts in seven days, at most {cap_week}", free_at)
    return replace(
        guard,
        recent=(*recent, now),
        next_allowed_at=now + timedelta(seconds=min_gap),
        day=today.isoformat(),
        n_day=n_day + 1,
        cap_day=cap_day,
        n_week=len(recent) + 1,
        cap_week=cap_week,
        min_gap=min_gap,
    )


def refund_attempt(guard: Guard, at: datetime) -> Guard:
    """Take back the attempt reserved at ``at``: the contact's phone cannot have rung."""
    if at not in guard.recent:
        return guard
    recent = tuple(one for one in guard.recent if one != at)
    return replace(
        guard,
        recent=recent,
        next_allowed_at=recent[-1] + timedelta(seconds=guard.min_gap) if recent else None,
        n_day=max(0, guard.n_day - 1),
        n_week=len(recent),
    )
