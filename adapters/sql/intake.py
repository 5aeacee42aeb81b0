"""Taking callbacks in, thousands at a time with a handful of statements."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, bindparam, delete, false, insert, select, text

from adapters.sql.among import among
from adapters.sql.changes import add_steps, update_rows
from adapters.sql.mapping import Values, callback_row, contact_row, number_rows, step_row
from adapters.sql.ready import Ready
from adapters.sql.records.tables import MERGED_KEY
from adapters.sql.tables import CALLBACK, CONTACT, CONTACT_NUMBER
from adapters.sql.values import instant
from gateway.domain.change import Added, NewCallback
from gateway.domain.errors import Conflict
from gateway.domain.merge import Serving
from gateway.domain.model import Callback, Contact, Step

__all__ = ["FIRST_NUMBERS", "KEYS", "People", "add", "write_contacts"]

KEYS = (
    select(CALLBACK.c.id, CALLBACK.c.idempotency_key.label("key"))
    .where(among(CALLBACK.c.idempotency_key))
    .union_all(select(MERGED_KEY.c.callback_id, MERGED_KEY.c.key).where(among(MERGED_KEY.c.key)))
)
# Locked, so that none of them is closed by another node while it takes a request in. The state is
# no bare column there, or SQLite would read all that are scheduled instead of a few contacts' own.
_OPEN = (
    select(CALLBACK.c.id, CALLBACK.c.contact_id, CALLBACK.c.queue, CALLBACK.c.deadline)
    .where(
        text("callback.state || '' IN ('SCHEDULED', 'DIALING')"),
        among(CALLBACK.c.contact_id),
        CALLBACK.c.cancel_requested == false(),
        CALLBACK.c.answered_late == false(),
    )
    .order_by(CALLBACK.c.id)
    .with_for_update()
)
_KNOWN = select(CONTACT.c.id).where(among(CONTACT.c.id))
FIRST_NUMBERS = select(CONTACT_NUMBER.c.contact_id, CONTACT_NUMBER.c.e164).where(
    text("contact_number.position = 0"), among(CONTACT_NUMBER.c.e164)
)
_FORGET_NUMBERS = delete(CONTACT_NUMBER).where(CONTACT_NUMBER.c.contact_id == bindparam("contact"))
_INSERT_CALLBACK, _INSERT_CONTACT, _INSERT_NUMBER = (
    Ready(insert(table), list(table.c.keys())) for table in (CALLBACK, CONTACT, CONTACT_NUMBER)
)


class People:
    """Which contact each entry belongs to, as known before and within this call."""

    def __init__(self, connection: Connection, contacts: Sequence[Contact]) -> None:
        ids = {one.id for one in contacts}
        firsts = {one.numbers[0].e164 for one in contacts if one.numbers}
        found = connection.execute(_KNOWN, {"keys": ids})
        self.stored = {row.id for row in found}
        self.new: dict[str, Contact] = {}
        self._by_number: dict[str, set[str]] = {}
        for row in connection.execute(FIRST_NUMBERS, {"keys": firsts}):
            self._by_number.setdefault(row.e164, set()).add(row.contact_id)

    def settle(self, contact: Contact, *, known: bool = False) -> str:
        """Return the id to use: its own, or that of a contact reached first at its number.

        Of a ``known`` contact nothing is written.
        """
        if known and (contact.id in self.stored or contact.id in self.new):
            return contact.id
        first = contact.numbers[0].e164 if contact.numbers else None
        if contact.id not in self.stored and contact.id not in self.new and first is not None:
            same = self._by_number.get(first)
            if same:
                return min(same)
        if contact.id in self.stored or contact.id in self.new:  # may have had another number
            for others in self._by_number.values():
                others.discard(contact.id)
        if first is not None:
            self._by_number.setdefault(first, set()).add(contact.id)
        self.new[contact.id] = contact
        return contact.id


@dataclass(slots=True)
class _Fresh:
    """What is to be written."""

    callbacks: dict[str, Values] = field(default_factory=dict)
    steps: list[Values] = field(default_factory=list)
    keys: list[Values] = field(default_factory=list)

    def take(self, entry: NewCallback, callback: Callback) -> None:
        if callback.id in self.callbacks:
            raise Conflict(f"callback {callback.id} exists already")
        self.callbacks[callback.id] = callback_row(callback)
        self.steps += [step_row(step) for step in entry.steps]

    def merge(self, step: Step, key: str | None) -> None:
        self.steps.append(step_row(step))
        if key:
            self.keys.append({"key": key, "callback_id": step.callback_id})

    def write(self, connection: Connection) -> None:
        if self.callbacks:
            _INSERT_CALLBACK.each(connection, list(self.callbacks.values()))
        if self.keys:
            connection.execute(insert(MERGED_KEY), self.keys)
        if self.steps:
            add_steps(connection, self.steps)


def add(connection: Connection, entries: Sequence[NewCallback]) -> list[Added]:
    """Add callbacks with their contacts and steps, merging what is known or open already."""
    by_key = _known_keys(connection, entries)
    people = People(connection, [one.contact for one in entries])
    owners = _owners(entries, by_key, people)
    serving = _serving(connection, {one for one in owners if one}, people)
    fresh = _Fresh()
    added: list[Added] = []
    for entry, owner in zip(entries, owners, strict=True):
        key = entry.callback.idempotency_key
        if owner is None:
            added.append(Added(callback_id=by_key[key or ""], merged=True))
            continue
        callback = entry.callback
        if callback.contact_id != owner:
            callback = replace(callback, contact_id=owner)
            entry = replace(entry, callback=callback)  # noqa: PLW2901 -- the same, with its owner
        step = serving.serve(entry)
        if step is None:
            fresh.take(entry, callback)
        else:
            fresh.merge(step, key)
        name = callback.id if step is None else step.callback_id
        added.append(Added(callback_id=name, merged=step is not None))
        if key:
            by_key[key] = name
    write_contacts(connection, people)
    fresh.write(connection)
    return added


def _known_keys(connection: Connection, entries: Sequence[NewCallback]) -> dict[str, str]:
    keys = {one.callback.idempotency_key or "" for one in entries} - {""}
    if not keys:
        return {}
    return {row.key: row.id for row in connection.execute(KEYS, {"keys": keys})}


def _owners(
    entries: Sequence[NewCallback], known: Container[str], people: People
) -> list[str | None]:
    """Return whose each request is; None for one whose key is known, or was before it here."""
    owners: list[str | None] = []
    seen: set[str] = set()
    for entry in entries:
        key = entry.callback.idempotency_key
        if key and (key in known or key in seen):
            owners.append(None)
            continue
        seen |= {key} if key else set()
        owners.append(people.settle(entry.contact, known=entry.known))
    return owners


def _serving(connection: Connection, owners: set[str], people: People) -> Serving:
    serving = Serving()
    stored = {one for one in owners if one in people.stored or one not in people.new}
    if stored:
        rows = connection.execute(_OPEN, {"keys": stored})
        serving.learn((row.contact_id, row.queue, row.id, instant(row.deadline)) for row in rows)
    return serving


def write_contacts(connection: Connection, people: People) -> None:
    old = [one for name, one in people.new.items() if name in people.stored]
    new = [one for name, one in people.new.items() if name not in people.stored]
    if old:
        update_rows(connection, CONTACT, [contact_row(one) for one in old])
        connection.execute(_FORGET_NUMBERS, [{"contact": one.id} for one in old])
    if new:
        _INSERT_CONTACT.each(connection, [contact_row(one) for one in new])
    numbers = [row for one in people.new.values() for row in number_rows(one)]
    if numbers:
        _INSERT_NUMBER.each(connection, numbers)
