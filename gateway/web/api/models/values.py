"""The values every request is made of: text, instants, durations, numbers, ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, overload

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

__all__ = [
    "ID_PATTERN",
    "Country",
    "Duration",
    "Id",
    "Instant",
    "Language",
    "LongText",
    "Moment",
    "Text",
    "WrittenNumber",
    "Zone",
    "moment",
]

ID_PATTERN: Final = r"^[0-9A-Za-z][0-9A-Za-z_\-]{0,63}$"
_TEXT: Final = r"^[^\x00-\x08\x0a-\x1f\x7f]*$"
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_LONGEST: Final = timedelta(days=366)
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6}\d*)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)"
)
_DURATION_PATTERN: Final = (
    r"P(?=.)(?:(\d{1,4})W|(?:(\d{1,6})D)?(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?)"
)
_DURATION: Final = re.compile(_DURATION_PATTERN)
_NO_INSTANT: Final = "must be an instant with its zone, like 2026-01-31T17:00:00+02:00"
_UNITS: Final = ("weeks", "days", "hours", "minutes", "seconds")


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise PydanticCustomError("instant", _NO_INSTANT)
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        raise PydanticCustomError("instant", "there is no such day or hour") from None


def _sane(value: datetime) -> datetime:
    """Bring an instant to UTC, within a century in which every clock can show it."""
    if value.tzinfo is None or not _EARLIEST <= value < _LATEST:
        raise PydanticCustomError("instant", "must lie between the years 2000 and 2100")
    return value.astimezone(UTC)


def _span(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError(
            "duration", "must be a duration like PT4H, P2D or P1W (no months or years)"
        )
    span = timedelta(
        **{unit: int(count or 0) for unit, count in zip(_UNITS, found.groups(), strict=True)}
    )
    if not timedelta() < span <= _LONGEST:
        raise PydanticCustomError("duration", "must be more than nothing and at most a year")
    return span


def _moment(value: object) -> object:
    if isinstance(value, str) and value.startswith("P"):
        return _span(value)
    try:
        checked = _instant(value)
    except PydanticCustomError as problem:
        if problem.message_template != _NO_INSTANT:
            raise
        or_else = "; or a duration from now on, like PT4H or P2D"
        raise PydanticCustomError("moment", _NO_INSTANT + or_else) from None
    return _sane(checked) if isinstance(checked, datetime) else checked


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    AfterValidator(_sane),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-01-31T17:00:00+02:00"]}
    ),
]
"""An instant as RFC 3339 writes it, with its offset; kept in UTC."""

Duration = Annotated[
    timedelta,
    BeforeValidator(_span),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{_DURATION_PATTERN}$", "examples": ["PT4H", "P2D"]}
    ),
]
"""A duration as ISO 8601 writes it, in weeks or in days, hours, minutes and seconds."""

Moment = Annotated[
    datetime | timedelta,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "pattern": f"^{_DURATION_PATTERN}$"},
            ],
            "examples": ["2026-01-31T17:00:00+02:00", "PT4H"],
        }
    ),
]
"""An instant, or a duration from now on: a ``datetime`` or a ``timedelta``."""


@overload
def moment(value: datetime | timedelta, now: datetime) -> datetime: ...
@overload
def moment(value: None, now: datetime) -> None: ...
@overload
def moment(value: datetime | timedelta | None, now: datetime) -> datetime | None: ...
def moment(value: datetime | timedelta | None, now: datetime) -> datetime | None:
    """Turn a moment into an instant."""
    return now + value if isinstance(value, timedelta) else value


Text = Annotated[str, Field(max_length=500, pattern=_TEXT)]
"""One line."""
LongText = Annotated[str, Field(max_length=2000, pattern=_TEXT)]
Id = Annotated[str, Field(pattern=ID_PATTERN)]
WrittenNumber = Annotated[str, Field(min_length=1, max_length=40)]
"""A telephone number as a person writes it."""
Zone = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_+\-/]*$")]
Country = Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")]
Language = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
