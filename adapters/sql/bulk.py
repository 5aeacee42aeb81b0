"""Callbacks nobody has asked for before, thousands at a time, from rows that were made elsewhere.

In a large import nearly every request is of somebody new. For those there is nothing to merge and
nothing to look at but that it is so, and their rows can be made in other processes. All others are
left to :mod:`adapters.sql.intake`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, insert

from adapters.sql.database import grows
from adapters.sql.intake import FIRST_NUMBERS, KEYS
from adapters.sql.mapping import callback_row, contact_row, number_rows, step_row
from adapters.sql.ready import Ready
from adapters.sql.tables import CALLBACK, CONTACT, CONTACT_NUMBER, STEP
from gateway.domain.change import Added, NewCallback

__all__ = ["Plain", "add_plain", "plain_of", "widen"]

Values = tuple[Any, ...]


def _columns(table: Table) -> list[str]:
    return [name for name in table.c.keys() if table is not STEP or name != "id"]  # noqa: SIM118 -- columns, not a dict


_ORDER = {table: _columns(table) for table in (CALLBACK, CONTACT, CONTACT_NUMBER, STEP)}
_INSERT = {table: Ready(insert(table), columns) for table, columns in _ORDER.items()}
_KNOWN_KEYS, _KNOWN_NUMBERS = Ready(KEYS), Ready(FIRST_NUMBERS)


# Keys and numbers come in no order, so their indexes are written all over: more of them is kept at
# hand (kibibytes), and pages go from the log to the file less often (pages of 4 KiB).
_WIDE = ("PRAGMA cache_size = -131072", "PRAGMA wal_autocheckpoint = 16000")


def widen(connection: Connection) -> None:
    """Take the memory that a bulk load deserves, for as long as the connection is open."""
    if connection.dialect.name == "sqlite":
        for pragma in _WIDE:
            connection.exec_driver_sql(pragma)


class Plain(NamedTuple):
    """A new callback as rows, each in the order of its table's columns."""

    id: str
    key: str | None
    first: str
    callback: Values
    contact: Values
    numbers: tuple[Values, ...]
    steps: tuple[Values, ...]


def plain_of(entry: NewCallback) -> Plain:
    """Make the rows of an entry. Raises BadInput for what no database takes."""
    callback, contact = entry.callback, entry.contact
    return Plain(
        id=callback.id,
        key=callback.idempotency_key,
        first=contact.numbers[0].e164,
        callback=_values(CALLBACK, callback_row(callback)),
        contact=_values(CONTACT, contact_row(contact)),
        numbers=tuple(_values(CONTACT_NUMBER, row) for row in number_rows(contact)),
        steps=tuple(_values(STEP, step_row(step)) for step in entry.steps),
    )


def _values(table: Table, row: dict[str, Any]) -> Values:
    return tuple([row[name] for name in _ORDER[table]])


def add_plain(connection: Connection, entries: Sequence[Plain]) -> list[Added | None]:
    """Add those whose key and first number are new; None for one that must go the long way.

    One whose key is known is told as merged. The numbers decide, so that nobody gets a second
    contact and no open callback is overlooked.
    """
    keys, numbers = _known(connection, entries)
    answers: list[Added | None] = []
    fresh: list[Plain] = []
    for one in entries:
        if one.key in keys:
            name = keys[one.key]
            answers.append(Added(callback_id=name, merged=True) if name else None)
        elif one.first in numbers:
            answers.append(None)
        else:
            if one.key:
                keys[one.key] = ""  # a second one is served by this one, which is not written yet
            numbers.add(one.first)
            fresh.append(one)
            answers.append(Added(callback_id=one.id))
    _write(connection, fresh)
    return answers


def _known(
    connection: Connection, entries: Sequence[Plain]
) -> tuple[dict[str | None, str], set[str]]:
    asked = [one.key for one in entries if one.key]
    keys: dict[str | None, str] = {}
    if asked:
        keys = {key: name for name, key in _KNOWN_KEYS.rows(connection, {"keys": asked})}
    found = _KNOWN_NUMBERS.rows(connection, {"keys": {one.first for one in entries}})
    return keys, {number for _, number in found}


def _write(connection: Connection, fresh: Sequence[Plain]) -> None:
    if not fresh:
        return
    _INSERT[CONTACT].tuples(connection, [one.contact for one in fresh])
    _INSERT[CONTACT_NUMBER].tuples(connection, [row for one in fresh for row in one.numbers])
    _INSERT[CALLBACK].tuples(connection, [one.callback for one in fresh])
    _INSERT[STEP].tuples(connection, [row for one in fresh for row in one.steps])
    grows(connection)
