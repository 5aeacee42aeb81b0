"""Writing submitted changes in bulk: many changes, a handful of statements.

Changes are merged row by row (the last one wins) and written with one statement for each kind
of row, which is what makes a group commit cheap. Versions are checked before anything is written;
constraints refuse the whole group, and the caller then goes through it one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from adapters.sql.among import among
from adapters.sql.database import grows
from adapters.sql.lookup import guards_by_key
from adapters.sql.mapping import Prepared, Values, guard_row
from adapters.sql.ready import Ready
from adapters.sql.tables import ATTEMPT, CALLBACK, CONTACT, CONTACT_NUMBER, GUARD, LEG, STEP
from gateway.domain.caps import refund_attempt
from gateway.domain.errors import Conflict
from gateway.domain.model import Guard

__all__ = ["Known", "add_steps", "apply", "groups", "look_up", "update_rows"]

_KEY = "key_"


def _insert(table: Table) -> Ready:
    own = {"id"} if table is STEP else {"sends"}
    return Ready(insert(table), [name for name in table.c.keys() if name not in own])  # noqa: SIM118 -- columns, not a dict


def _update(table: Table, key: str = "id", without: Sequence[str] = ()) -> Ready:
    columns = [name for name in table.c.keys() if name != key and name not in without]  # noqa: SIM118 -- columns, not a dict
    query = update(table).where(table.c[key] == bindparam(_KEY))
    return Ready(query.values({name: bindparam(name) for name in columns}))


_INSERT = {table: _insert(table) for table in (CALLBACK, ATTEMPT, LEG, GUARD)}
_UPDATE = {
    CONTACT: _update(CONTACT),
    CALLBACK: _update(CALLBACK),
    ATTEMPT: _update(ATTEMPT),
    LEG: _update(LEG, without=("sends",)),
    GUARD: _update(GUARD, key="key"),
}
_INSERT_STEP = _insert(STEP)
_MARK_INVALID = Ready(
    update(CONTACT_NUMBER)
    .where(
        CONTACT_NUMBER.c.contact_id
        == select(CALLBACK.c.contact_id).where(CALLBACK.c.id == bindparam("cb")).scalar_subquery(),
        CONTACT_NUMBER.c.e164 == bindparam("no"),
        CONTACT_NUMBER.c.invalid_since.is_(None),
    )
    .values(invalid_since=bindparam("at"))
)
_VERSIONS = Ready(
    select(CALLBACK.c.id, CALLBACK.c.version)
    .where(among(CALLBACK.c.id))
    .order_by(CALLBACK.c.id)
    .with_for_update()
)
_PLACED = Ready(select(ATTEMPT.c.id, ATTEMPT.c.placed_at).where(among(ATTEMPT.c.id)))
_SENT = Ready(select(LEG.c.id, LEG.c.sending_at).where(among(LEG.c.id)))


@dataclass(slots=True)
class Known:
    """What is stored already, as far as the changes touch it.

    ``attempts`` and ``legs`` give the instants that, once set, stay: placed, and sent.
    """

    versions: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int | None] = field(default_factory=dict)
    legs: dict[str, int | None] = field(default_factory=dict)
    guards: dict[str, Guard] = field(default_factory=dict)


def groups(changes: Sequence[Prepared]) -> Iterator[Sequence[Prepared]]:
    """Cut a row of changes where merging could hide that two attempts were open at once."""
    start, seen = 0, dict[tuple[str, str], str]()
    for index, change in enumerate(changes):
        if change.attempt is None:
            continue
        attempt = change.attempt
        names = [(kind, str(attempt[kind])) for kind in ("callback_id", "contact_id", "number")]
        name = str(attempt["id"])
        if any(seen.get(one, name) != name for one in names):
            yield changes[start:index]
            start, seen = index, {}
        seen.update(dict.fromkeys(names, name))
    yield changes[start:]


def look_up(connection: Connection, changes: Sequence[Prepared]) -> Known:
    """Read what is stored of the rows that these changes touch, and lock the callbacks."""
    callbacks = {one.callback["id"] for one in changes if one.callback}
    attempts = {one.attempt["id"] for one in changes if one.attempt}
    legs = {leg["id"] for one in changes for leg in one.legs}
    guards = {guard.key for one in changes for guard in one.guards}
    guards |= {key for one in changes for key, _ in one.refunds}
    known = Known()
    if callbacks:
        known.versions = dict(_VERSIONS.rows(connection, {"keys": callbacks}))
    if attempts:
        known.attempts = dict(_PLACED.rows(connection, {"keys": attempts}))
    if legs:
        known.legs = dict(_SENT.rows(connection, {"keys": legs}))
    if guards:
        known.guards = guards_by_key(connection, guards)
    return known


def apply(
    connection: Connection, changes: Sequence[Prepared], known: Known
) -> list[Conflict | None]:
    """Write changes together; returns, one for each, the Conflict of its version or None.

    A constraint raises for all of them, with nothing certain about what was written.
    """
    merged = _Merged(known)
    refused = [merged.take(change) for change in changes]
    merged.write(connection)
    return refused


class _Merged:
    """The rows to write in the end, in the order they were first touched."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._versions = dict(known.versions)
        self._callbacks: dict[str, Values] = {}
        self._attempts: dict[str, Values] = {}
        self._legs: dict[str, Values] = {}
        self._guards: dict[str, Guard] = {}
        self._invalid: list[Values] = []
        self._steps: list[Values] = []

    def take(self, change: Prepared) -> Conflict | None:
        callback = change.callback
        if callback is not None:
            name, version = callback["id"], callback["version"]
            if name not in self._versions or version != self._versions[name] + 1:
                return Conflict(f"callback {name}: version {version} is not the next")
            self._versions[name] = version
            self._callbacks[name] = callback
        if change.attempt is not None:
            _keep(self._attempts, change.attempt, "placed_at", self._known.attempts)
        for leg in change.legs:
            _keep(self._legs, leg, "sending_at", self._known.legs)
        for guard in change.guards:
            self._guards[guard.key] = guard
        for key, at in change.refunds:
            stored = self._guards.get(key) or self._known.guards.get(key)
            if stored is not None:
                self._guards[key] = refund_attempt(stored, at)
        self._invalid += change.invalid
        self._steps += change.steps
        return None

    def write(self, connection: Connection) -> None:
        known = self._known
        _save(connection, CALLBACK, self._callbacks, known.versions)
        _save(connection, ATTEMPT, self._attempts, known.attempts)
        _save(connection, LEG, self._legs, known.legs)
        guards = {key: guard_row(guard) for key, guard in self._guards.items()}
        _save(connection, GUARD, guards, known.guards)
        if self._invalid:
            _MARK_INVALID.each(connection, self._invalid)
        if self._steps:
            add_steps(connection, self._steps)


def add_steps(connection: Connection, steps: Sequence[Values]) -> None:
    """Add to the journal."""
    grows(connection)
    _INSERT_STEP.each(connection, steps)


def _keep(rows: dict[str, Values], row: Values, once: str, stored: dict[str, int | None]) -> None:
    """Take a row over what was there, except for the instant that, once set, stays."""
    name = row["id"]
    before = rows[name][once] if name in rows else stored.get(name)
    rows[name] = row if before is None else {**row, once: before}


def _save(
    connection: Connection, table: Table, rows: dict[str, Values], stored: dict[str, Any]
) -> None:
    """Update the rows that are stored, then insert the others."""
    old = [row for name, row in rows.items() if name in stored]
    new = [row for name, row in rows.items() if name not in stored]
    if old:
        update_rows(connection, table, old)
    if new:
        _INSERT[table].each(connection, new)


def update_rows(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Replace whole rows."""
    key = "key" if table is GUARD else "id"
    values = [{**row, _KEY: row[key]} for row in rows]
    for row in values:
        del row[key]
    _UPDATE[table].each(connection, values)
