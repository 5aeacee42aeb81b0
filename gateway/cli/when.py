"""Reading the moment somebody means: ``tomorrow 14:00``, ``in 2h``, ``mon 9:30``, or ISO 8601.

A time of day is that of the contact's own clock. What can be understood in two ways is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from config.values import DAYS
from gateway.domain.errors import BadInput

__all__ = ["parse_past", "parse_when", "said_in_both"]

_UNITS: Final = {
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
}
_PART: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([a-z]+)")
_LATER: Final = re.compile(r"(?:in\s+|\+\s*)(.+)")
_CLOCK: Final = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?")
_DAY_AND_CLOCK: Final = re.compile(r"(?:([a-z]+)\s+)?(?:at\s+)?(\S+(?:\s*[ap]m)?)")
_LONGEST: Final = timedelta(days=366)
_NOON: Final = 12
_REMEDY: Final = "write it like '14:30', 'tomorrow 9:00', 'mon 14:00', 'in 2h' or 2026-01-31T17:00"


def parse_when(text: str, now: datetime, zone: ZoneInfo | None, name: str = "WHEN") -> datetime:
    """Read an instant that lies ahead, at most a year; returns it in UTC.

    ``zone``: whose clock is meant, UTC where None. ``name``: what it is called on the command
    line. Raises BadInput with the remedy.
    """
    words = " ".join(text.strip().lower().split())
    local = now.astimezone(zone or UTC)
    try:
        at = _read(text.strip(), words, local)
    except BadInput as bad:
        raise BadInput(name, bad.problem, value=bad.value, remedy=bad.remedy) from None
    if at is None:
        raise BadInput(name, "cannot be read as a time", remedy=_REMEDY)
    at = at.astimezone(UTC)
    if at < now - timedelta(seconds=1):
        raise BadInput(name, "lies in the past", value=said_in_both(at, zone))
    if at > now + _LONGEST:
        raise BadInput(name, "is more than a year away", value=said_in_both(at, zone))
    return at


def parse_past(name: str, text: str, now: datetime) -> datetime:
    """Read an instant to look back to: ``2h``, ``3 days ago``, ``today``, a day, or ISO 8601.

    Days begin by the clock of this machine. Returns it in UTC. Raises BadInput for field ``name``.
    """
    words = " ".join(text.strip().lower().split())
    local = now.astimezone()
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if words in {"now", "today", "yesterday"}:
        back = timedelta(days=words == "yesterday")
        return local.astimezone(UTC) if words == "now" else (midnight - back).astimezone(UTC)
    ago = words.removesuffix(" ago").removesuffix("ago")
    parts = _PART.findall(ago)
    if parts and not _PART.sub("", ago).strip(" ,") and all(unit in _UNITS for _, unit in parts):
        seconds = sum(float(amount) * _UNITS[unit] for amount, unit in parts)
        return now - timedelta(seconds=min(seconds, _LONGEST.total_seconds() * 20))
    try:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.astimezone()).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        remedy = "write it like '2h', 'yesterday', '2026-01-31' or 2026-01-31T17:00"
        raise BadInput(name, "cannot be read as a time", remedy=remedy) from None


def said_in_both(at: datetime, zone: ZoneInfo | None) -> str:
    """Write an instant in the contact's zone and in UTC."""
    utc = at.astimezone(UTC)
    if zone is None:
        return f"{utc:%a %d %b %Y %H:%M} UTC"
    local = at.astimezone(zone)
    same_day = local.date() == utc.date()
    return f"{local:%a %d %b %Y %H:%M %Z} ({utc:{'%H:%M' if same_day else '%a %d %b %H:%M'}} UTC)"


def _read(given: str, words: str, local: datetime) -> datetime | None:
    if words == "now":
        return local
    if later := _LATER.fullmatch(words):
        return _later(later[1], local)
    return _iso(given, local) or _by_clock(words, local)


def _later(text: str, local: datetime) -> datetime | None:
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).strip(" ,") or any(unit not in _UNITS for _, unit in parts):
        return None
    seconds = sum(float(amount) * _UNITS[unit] for amount, unit in parts)
    # Hours that pass, not hours on the wall: two hours are two hours when clocks change, too.
    return local.astimezone(UTC) + timedelta(seconds=min(seconds, 2 * _LONGEST.total_seconds()))


def _iso(given: str, local: datetime) -> datetime | None:
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        return None
    if ":" not in given and "T" not in given.upper():
        raise BadInput("at", "is a day without a time", remedy=_REMEDY)
    if at.tzinfo is not None:
        return at if timedelta(days=1) < at - _EPOCH < _FAR else None
    return _on_the_wall(at.date(), at.time(), local)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FAR: Final = timedelta(days=365 * 8000)


def _by_clock(words: str, local: datetime) -> datetime | None:
    found = _DAY_AND_CLOCK.fullmatch(words)
    clock = _clock(found[2]) if found else None
    if found is None or clock is None:
        return None
    today = local.date()
    if not found[1]:
        at = _on_the_wall(today, clock, local)
        return at if _ahead(at, local) else _on_the_wall(today + timedelta(days=1), clock, local)
    if found[1] in {"today", "tomorrow"}:
        return _on_the_wall(today + timedelta(days=found[1] == "tomorrow"), clock, local)
    weekday = _weekday(found[1])
    if weekday is None:
        return None
    day = today + timedelta(days=(weekday - today.weekday()) % 7)
    at = _on_the_wall(day, clock, local)
    return at if _ahead(at, local) else _on_the_wall(day + timedelta(days=7), clock, local)


def _ahead(at: datetime, local: datetime) -> bool:
    return at.astimezone(UTC) > local.astimezone(UTC)  # on one wall clock 3:30 may come twice


def _weekday(word: str) -> int | None:
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for number, (short, long) in enumerate(zip(DAYS, full, strict=True)):
        if word.startswith(short) and long.startswith(word):
            return number
    return None


def _clock(text: str) -> time | None:
    if text == "noon":
        return time(_NOON)
    found = _CLOCK.fullmatch(text)
    if found is None or not (found[2] or found[3]):
        return None  # "tomorrow 9": nine in the morning, or the ninth of something?
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + _NOON * (found[3] == "pm")
    try:
        return time(hour, minute)
    except ValueError:
        return None


def _on_the_wall(day: date, clock: time, local: datetime) -> datetime:
    """Return when the contact's clock shows this; of two such moments the first."""
    at = datetime.combine(day, clock, tzinfo=local.tzinfo)
    if at.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != at.replace(tzinfo=None):
        raise BadInput(
            "at", "does not exist there: clocks are put forward", value=f"{at:%d %b %Y %H:%M}"
        )
    return at
