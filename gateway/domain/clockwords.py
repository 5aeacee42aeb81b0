"""Instants as people read them: by the clock on the contact's wall."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.domain.windows import parse_zone

__all__ = ["local_words"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def local_words(at: datetime, now: datetime, zone_name: str | None) -> str:
    """Say when ``at`` is: ``at 09:00 in Europe/Helsinki``, with its day unless that is today.

    Both are UTC instants; a zone that is not known reads as UTC.
    """
    zone = parse_zone(zone_name)
    local, today = at.astimezone(zone or UTC), now.astimezone(zone or UTC)
    where = f"in {zone_name}" if zone is not None else "UTC"
    same_day = local.date() == today.date()
    day = "" if same_day else f"on {_DAYS[local.weekday()]} {local.date().isoformat()} "
    return f"{day}at {local:%H:%M} {where}"
