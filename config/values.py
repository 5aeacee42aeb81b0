"""Kinds of values that people write in configuration files, and how they are read.

Durations are numbers of seconds or words like ``90s``, ``15m``, ``4h``, ``2d``; hours of a week
are written by day: ``{mon-fri: "09:00-12:00, 13:00-18:00", sat: "10:00-14:00"}``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

__all__ = [
    "DAYS",
    "Country",
    "Name",
    "Seconds",
    "Span",
    "Spans",
    "Strict",
    "Week",
    "filled_from_file",
    "parse_seconds",
    "parse_spans",
    "parse_week",
]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_SPAN = re.compile(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)")
_MINUTES_OF_DAY = 24 * 60
_NAME = "[a-z][a-z0-9_-]{0,39}"
_COUNTRY = "[A-Z]{2}"


class Strict(BaseModel):
    """A frozen group of settings in which an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Local minutes of a day from ``start`` (inclusive) to ``end`` (exclusive, up to 1440)."""

    start: int
    end: int

    def __str__(self) -> str:
        start, end = divmod(self.start, 60), divmod(self.end, 60)
        return f"{start[0]:02}:{start[1]:02}-{end[0]:02}:{end[1]:02}"


def parse_seconds(value: object) -> object:
    """Read a duration into seconds; anything but text and numbers is left to the field's type."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not text or _DURATION.sub("", text).strip():
        raise ValueError("must be a duration: seconds, or a number with s, m, h or d, like '15m'")
    return sum(float(amount) * _UNITS[unit] for amount, unit in _DURATION.findall(text))


def parse_spans(value: object) -> tuple[Span, ...]:
    """Read the hours of one day: ``"09:00-12:00, 13:00-18:00"``, a list of such, or ``closed``."""
    if value is None or value in ("closed", ""):
        return ()
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple):
        raise ValueError("must be hours like '09:00-18:00', or 'closed'")  # noqa: TRY004 -- pydantic reports ValueError
    spans = tuple(sorted(one if isinstance(one, Span) else _span(one) for one in value))
    for earlier, later in pairwise(spans):
        if later.start < earlier.end:
            raise ValueError(f"{earlier} and {later} overlap; join them")
    return spans


def parse_week(value: object) -> dict[int, tuple[Span, ...]]:
    """Read the hours of a week by day, by range of days, ``daily``, or the word ``always``."""
    if value == "always":
        value = {"daily": "00:00-24:00"}
    if not isinstance(value, dict):
        raise ValueError("must be hours by day, like {mon-fri: '09:00-18:00'}, or 'always'")  # noqa: TRY004 -- pydantic reports ValueError
    week: dict[int, tuple[Span, ...]] = {}
    for key, hours in value.items():
        for day in _days(key):
            if day in week:
                raise ValueError(f"{DAYS[day]} is there twice; keep one")
            try:
                week[day] = parse_spans(hours)
            except ValueError as problem:
                raise ValueError(f"{key}: {problem}") from None
    return week


def _days(key: Any) -> tuple[int, ...]:  # noqa: ANN401 -- whatever stands in the file
    if isinstance(key, int) and 0 <= key < len(DAYS):
        return (key,)
    first, dash, last = str(key).strip().lower().partition("-")
    if first == "daily" and not dash:
        return tuple(range(7))
    if first not in DAYS or (dash and last not in DAYS):
        raise ValueError(f"{key!r} is no day; write mon, tue, wed, thu, fri, sat, sun, or mon-fri")
    start = DAYS.index(first)
    length = (DAYS.index(last) - start) % 7 + 1 if dash else 1
    return tuple((start + n) % 7 for n in range(length))


def _span(value: object) -> Span:
    match = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} must look like '09:00-18:00'")
    numbers = [int(part) for part in match.groups()]
    start, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if numbers[1] > 59 or numbers[3] > 59 or end > _MINUTES_OF_DAY:  # noqa: PLR2004 -- minutes
        raise ValueError(f"{value!r} is no time of day; the last one is 24:00")
    if start >= end:
        raise ValueError(f"{value!r} ends before it starts; a night is two entries, one each day")
    return Span(start, end)


def _name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise ValueError(
            "a name is up to 40 small letters, digits, '-' and '_', and begins with a letter"
        )
    return value


def _country(value: str) -> str:
    if not re.fullmatch(_COUNTRY, value):
        raise ValueError("must be a country's two capital letters (ISO 3166), like FI")
    return value


def filled_from_file(data: Any, key: str, file_key: str) -> Any:  # noqa: ANN401 -- unchecked input
    """Put what a file holds in the place of a secret that is not given itself.

    Raises ValueError if the file cannot be read or is empty.
    """
    if not isinstance(data, dict) or data.get(key) or not data.get(file_key):
        return data
    try:
        secret = Path(str(data[file_key])).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "not text"
        raise ValueError(f"{file_key} cannot be read ({why}); check path and rights") from None
    if not secret:
        raise ValueError(f"{file_key} is empty; put the {_SECRETS.get(key, key)} into it")
    return {**data, key: secret}


_SECRETS = {"secret": "password"}
_ONE_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
_DURATION_TEXT = r"^\s*\d+(\.\d+)?\s*((ms|s|m|h|d|w)\s*(\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*)*)?$"
_SPANS_SCHEMA = {
    "anyOf": [
        {"type": "string", "examples": ["09:00-12:00, 13:00-18:00", "closed"]},
        {"type": "array", "items": {"type": "string"}},
        {"type": "null"},
    ]
}
_WEEK_SCHEMA = {
    "anyOf": [
        {"const": "always"},
        {
            "type": "object",
            "additionalProperties": _SPANS_SCHEMA,
            "propertyNames": {"pattern": f"^(daily|{_ONE_DAY}(-{_ONE_DAY})?)$"},
        },
    ]
}
Seconds = Annotated[
    float,
    BeforeValidator(
        parse_seconds,
        json_schema_input_type=float | Annotated[str, Field(pattern=_DURATION_TEXT)],
    ),
    Field(ge=0, allow_inf_nan=False),
]
Spans = Annotated[tuple[Span, ...], BeforeValidator(parse_spans), WithJsonSchema(_SPANS_SCHEMA)]
Week = Annotated[
    dict[int, tuple[Span, ...]], BeforeValidator(parse_week), WithJsonSchema(_WEEK_SCHEMA)
]
Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})
]
Country = Annotated[
    str, AfterValidator(_country), WithJsonSchema({"type": "string", "pattern": f"^{_COUNTRY}$"})
]
