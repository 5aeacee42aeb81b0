"""What a row of an import means: from text as people write it to a callback request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeVar

from config.values import parse_seconds, parse_week
from gateway.app.intake import CallbackRequest
from gateway.domain.errors import BadInput
from gateway.domain.model import PreferredWindow
from gateway.domain.windows import parse_zone

__all__ = ["parse_preferred", "request_of", "whole_number"]

T = TypeVar("T")

_MAX_NUMBERS: Final = 10
_MAX_KEY: Final = 200
_MAX_SHOWN: Final = 40
_INSTANTS: Final = ("%d.%m.%Y %H:%M", "%d.%m.%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y")
_BETWEEN: Final = re.compile(r"[;|]")
_PLAIN: Final = re.compile(r"\+?[\d ]+")
_SCIENTIFIC: Final = re.compile(r"[+-]?\d([.,]\d+)?\s*[eE]\s*[+-]?\d{1,2}")
_DECIMAL: Final = re.compile(r"\+?\d{6,}[.,]0{1,2}")
_AS_TEXT: Final = "export the table anew with this column formatted as text"
_DAY_AND_HOURS: Final = re.compile(r"([a-z]+(?:\s*-\s*[a-z]+)?)\s+(\d.*)", re.IGNORECASE)


def request_of(
    fields: dict[str, str], *, now: datetime, source: str, default_key: str
) -> CallbackRequest:
    """Build the request a row asks for; raises BadInput naming field, masked value and remedy."""
    zone = fields.get("zone")
    return CallbackRequest(
        numbers=_numbers(fields.get("number", "")),
        name=fields.get("name", ""),
        queue=fields.get("queue", "").lower(),
        reason=fields.get("reason", ""),
        requested_at=_optional(fields, "requested_at", lambda text: _past(text, zone, now)),
        deadline=_optional(fields, "deadline", lambda text: _deadline(text, zone, now)),
        zone=zone,
        country=_optional(fields, "country", _country),
        subdivision=fields.get("subdivision"),
        language=fields.get("language"),
        industry=fields.get("industry"),
        segment=fields.get("segment"),
        preferred=parse_preferred(fields.get("preferred", "")),
        worth=_worth(fields.get("worth", "")),
        source=source,
        idempotency_key=_optional(fields, "idempotency_key", _key) or default_key,
    )


def _optional(fields: dict[str, str], name: str, read: Callable[[str], T]) -> T | None:
    text = fields.get(name)
    return read(text) if text else None


def _numbers(text: str) -> tuple[str, ...]:
    numbers = tuple(whole_number(one) for one in _BETWEEN.split(text) if one.strip())
    if not numbers:
        raise BadInput("number", "missing", remedy="give at least one telephone number")
    if len(numbers) > _MAX_NUMBERS:
        problem = f"{len(numbers)} numbers, at most {_MAX_NUMBERS}"
        raise BadInput("number", problem, remedy="keep the best ones")
    return numbers


def whole_number(text: str) -> str:
    """Return a number as it was typed, or raise BadInput where a spreadsheet has spoiled it.

    What is lost cannot be guessed: 4.9151E+11 may be any of ten thousand numbers.
    """
    text = text.strip().lstrip("'\u2019").strip()  # the sign by which a cell is kept as text
    if _PLAIN.fullmatch(text):
        return text
    if _SCIENTIFIC.fullmatch(text):
        problem = "was rounded by a spreadsheet, its last digits are lost"
        raise BadInput("number", problem, value=text[:_MAX_SHOWN], remedy=_AS_TEXT)
    if _DECIMAL.fullmatch(text):
        problem = "has decimal places: a spreadsheet or program took it for an amount"
        raise BadInput("number", problem, remedy=_AS_TEXT)
    if text.startswith(("#", "=")):
        problem = "is a formula or the error of one"
        raise BadInput("number", problem, value=text[:_MAX_SHOWN], remedy=_AS_TEXT)
    return text


def _country(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}", text):
        remedy = "use two letters (ISO 3166), like FI or GB"
        raise BadInput("country", "is no country code", value=_shown(text), remedy=remedy)
    return text.upper()


def _key(text: str) -> str:
    if len(text) > _MAX_KEY:
        raise BadInput("idempotency_key", f"longer than {_MAX_KEY} characters", remedy="shorten it")
    return text


def _worth(text: str) -> float:
    if not text:
        return 1.0
    try:
        worth = float(text.replace(" ", "").replace(",", "."))
    except ValueError:
        worth = -1.0
    if not 0 <= worth <= 1e12:  # noqa: PLR2004 -- beyond any order; also not a number
        remedy = "give a number that is not negative, like 250 or 99.5"
        raise BadInput("worth", "is no amount", value=_shown(text), remedy=remedy)
    return worth


def _deadline(text: str, zone: str | None, now: datetime) -> datetime:
    """Read an instant, or a time from now such as ``4h`` or ``2d``."""
    if re.fullmatch(r"[\d.]+\s*(ms|s|m|h|d|w).*", text.lower()):
        try:
            seconds = parse_seconds(text)
            return now + timedelta(seconds=float(str(seconds)))
        except (ValueError, OverflowError):
            pass
    return _instant("deadline", text, zone)


def _past(text: str, zone: str | None, now: datetime) -> datetime:
    return min(_instant("requested_at", text, zone), now)


def _instant(field: str, text: str, zone: str | None) -> datetime:
    instant = _parse_instant(text)
    if instant is None:
        remedy = "write it like 2026-01-31T17:00+02:00, or 2026-01-31 17:00 with a zone column"
        raise BadInput(field, "is no date and time", value=_shown(text), remedy=remedy)
    if instant.tzinfo is None:
        known = parse_zone(zone)
        if known is None:
            remedy = "add the offset, like 2026-01-31T17:00+02:00, or fill the zone column"
            raise BadInput(field, "does not say in which time zone", value=text, remedy=remedy)
        instant = instant.replace(tzinfo=known)
    return instant.astimezone(UTC)


def _parse_instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    for form in () if found else _INSTANTS:
        try:
            found = datetime.strptime(text, form)  # noqa: DTZ007 -- the zone is another column
            break
        except ValueError:
            continue
    if found is not None and ":" not in text and "T" not in text:
        found = found.replace(hour=23, minute=59)  # a day alone means until its end
    return found


@lru_cache(maxsize=4096)
def parse_preferred(text: str) -> tuple[PreferredWindow, ...]:
    """Read times that suit, like ``mon-fri 09:00-12:00, 13:00-15:00; sat 10:00-12:00``."""
    days: dict[str, str] = {}
    for part in re.split(r"[;|]", text):
        if not part.strip():
            continue
        match = _DAY_AND_HOURS.fullmatch(part.strip())
        if match is None:
            raise _bad_window(part, "has no days and hours")
        key = re.sub(r"\s+", "", match[1].lower())
        days[key] = f"{days[key]},{match[2]}" if key in days else match[2]
    try:
        week = parse_week(days)
    except ValueError as problem:
        raise _bad_window(text, str(problem)) from None
    return tuple(_windows((day, span.start, span.end) for day in week for span in week[day]))


def _windows(spans: Iterable[tuple[int, int, int]]) -> Iterable[PreferredWindow]:
    by_hours: dict[tuple[int, int], set[int]] = {}
    for day, start, end in spans:
        by_hours.setdefault((start, end), set()).add(day)
    for (start, end), weekdays in by_hours.items():
        yield PreferredWindow(weekdays=frozenset(weekdays), start_minute=start, end_minute=end)


def _bad_window(text: str, problem: str) -> BadInput:
    remedy = "write it like 'mon-fri 09:00-12:00; sat 10:00-12:00'"
    return BadInput("preferred", problem, value=_shown(text.strip()), remedy=remedy)


def _shown(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
