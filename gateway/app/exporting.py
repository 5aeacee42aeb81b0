"""What can be exported: tables, their columns, and what of a person is shown in them.

Personal columns are masked unless somebody says that they may be seen. ``number_token`` stands for
the number in every export of one installation, so that rows can be joined without knowing whose
they are.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from gateway.domain.model import mask

__all__ = ["EXPORTS", "Column", "Export", "Kind", "Wanted", "token_of", "veiled"]

_TOKEN: Final = 20


class Kind(StrEnum):
    """What a column holds. Times are instants in UTC."""

    TEXT = "text"
    WHOLE = "whole"
    REAL = "real"
    TRUTH = "truth"
    TIME = "time"


class Export(StrEnum):
    """The tables."""

    CALLBACKS = "callbacks"
    ATTEMPTS = "attempts"
    CONTACTS = "contacts"
    INTERACTIONS = "interactions"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``hide``: what is shown of a personal value to those who may not see it."""

    name: str
    kind: Kind
    about: str
    hide: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows: of ``since`` (inclusive) to ``until`` (exclusive), in these states, of a queue.

    ``since`` and ``until`` are about the column that the table names as its time.
    """

    table: Export
    since: datetime | None = None
    until: datetime | None = None
    states: tuple[str, ...] = ()
    queue: str | None = None


def _masked(value: str) -> str:
    return " | ".join(mask(one) for one in value.split(" | "))


def _nothing(_value: object) -> None:
    return None


def _text(name: str, about: str) -> Column:
    return Column(name, Kind.TEXT, about)


def _time(name: str, about: str) -> Column:
    return Column(name, Kind.TIME, about)


def _whole(name: str, about: str) -> Column:
    return Column(name, Kind.WHOLE, about)


_NUMBER: Final = (
    Column("number", Kind.TEXT, "E.164 (personal: masked)", _masked),
    _text("number_token", "the same for the same number, in every export of this installation"),
)
_PLACE: Final = (
    _text("zone", "IANA time zone of the contact"),
    _text("country", "ISO 3166 country of the contact"),
    _text("language", "language of the contact"),
)
EXPORTS: Final[Mapping[Export, tuple[Column, ...]]] = {
    Export.CALLBACKS: (
        _text("id", "callback"),
        _text("contact_id", "contact"),
        _text("queue", "queue"),
        _text("state", "SCHEDULED, DIALING, or how it was closed"),
        _text("outcome", "disposition of the last attempt"),
        _time("requested_at", "when it was asked for (since/until)"),
        _time("deadline", "not called after this"),
        _time("due_at", "when it is due; empty if it is not scheduled"),
        _time("closed_at", "when it was closed"),
        _whole("attempts", "attempts made"),
        _whole("used", "attempts held against the contact"),
        Column("worth", Kind.REAL, "what it is worth, as it was given"),
        _text("cohort", "model or control"),
        _text("decider", "who chose the time it is due"),
        _text("source", "how it came in"),
        _text("legal_basis", "why the contact may be called, as it was given"),
        *_PLACE,
        _text("industry", "industry of the contact"),
        _text("segment", "segment of the contact"),
        *_NUMBER,
        Column("name", Kind.TEXT, "name of the contact (personal: left out)", _nothing),
        Column("reason", Kind.TEXT, "what it is about (personal: left out)", _nothing),
    ),
    Export.ATTEMPTS: (
        _text("id", "attempt"),
        _text("callback_id", "callback"),
        _text("contact_id", "contact"),
        _text("queue", "queue"),
        _whole("n", "which attempt of the callback, from 1"),
        _time("reserved_at", "when it was reserved (since/until)"),
        _time("placed_at", "when the order to call was written down"),
        _time("ringing_at", "when the contact's phone rang"),
        _time("answered_at", "when it was answered"),
        _time("connected_at", "when agent and contact were connected"),
        _time("closed_at", "when it was over; empty while it is open"),
        _text("disposition", "what became of it"),
        Column("talk_seconds", Kind.REAL, "how long was talked"),
        _text("carrier", "through which carrier"),
        _whole("cause", "Q.850 cause, where it was told"),
        _whole("tech_cause", "SIP status, where it was told"),
        *_PLACE,
        *_NUMBER,
    ),
    Export.CONTACTS: (
        _text("id", "contact"),
        *_PLACE,
        _text("subdivision", "state or province"),
        _text("industry", "industry"),
        _text("segment", "segment"),
        _whole("numbers", "how many numbers"),
        _whole("invalid_numbers", "how many of them do not exist"),
        *_NUMBER,
        Column("other_numbers", Kind.TEXT, "the further numbers (personal: masked)", _masked),
        Column("name", Kind.TEXT, "name (personal: left out)", _nothing),
    ),
    Export.INTERACTIONS: (
        _text("source", "who told of it"),
        _text("id", "its id there"),
        _text("kind", "what the contact did"),
        _time("at", "when (since/until)"),
        Column("answered", Kind.TRUTH, "whether an inbound call was talked to"),
        _text("contact_id", "contact, where known"),
        *_NUMBER,
        Column("data", Kind.TEXT, "what else was told, JSON (personal: left out)", _nothing),
    ),
}
"""The columns of each table, in their order."""


def token_of(number: str, salt: bytes) -> str:
    """Return what stands for a number; it cannot be turned back without ``salt``."""
    return hmac.new(salt, number.encode(), "sha256").hexdigest()[:_TOKEN]


def veiled(
    row: Mapping[str, Any], columns: tuple[Column, ...], salt: bytes, *, reveal: bool
) -> list[Any]:
    """Return a row's values in the order of its columns, as they may be shown."""
    number = row.get("number")
    values = {**row, "number_token": token_of(number, salt) if number else None}
    found = ((column, values.get(column.name)) for column in columns)
    return [
        value if reveal or column.hide is None or value is None else column.hide(value)
        for column, value in found
    ]
