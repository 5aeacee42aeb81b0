"""Taking callbacks in, thousands at a time with a handful of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, delete, insert, select, text

from adapters.sql.among import among
from adapters.sql.changes import update_rows
from adapters.sql.mapping import callback_row, contact_row, number_rows, step_row
from adapters.sql.tables import CALLBACK, CONTACT, CONTACT_NUMBER, STEP
from gateway.domain.change import Added, NewCallback
from gateway.domain.errors import Conflict
from gateway.domain.model import Contact

__all__ = ["add"]

_KEYS = select(CALLBACK.c.id, CALLBACK.c.idempotency_key).where(among(CALLBACK.c.idempotency_key))
_KNOWN = select(CONTACT.c.id).where(among(CONTACT.c.id))
_FIRST_NUMBERS = select(CONTACT_NUMBER.c.contact_id, CONTACT_NUMBER.c.e164).where(
    text("contact_number.position = 0"), among(CONTACT_NUMBER.c.e164)
)


_FORGET_NUMBERS = delete(CONTACT_NUMBER).where(CONTACT_NUMBER.c.contact_id == bindparam("contact"))


class _People:
    """Which contact each entry belongs to, as known before and within this call."""

    def __init__(self, connection: Connection, entries: Sequence[NewCallback]) -> None:
        ids = {entry.contact.id for entry in entries}
        firsts = {entry.contact.numbers[0].e164 for entry in entries if entry.contact.numbers}
        found = connection.execute(_KNOWN, {"keys": ids})
        self.stored = {row.id for row in found}
        self.new: dict[str, Contact] = {}
        self._by_number: dict[str, set[str]] = {}
        for row in connection.execute(_FIRST_NUMBERS, {"keys": firsts}):
            self._by_number.setdefault(row.e164, set()).add(row.contact_id)

    def settle(self, contact: Contact) -> str:
        """Return the id to use: its own, or that of a contact reached first at its number."""
        first = contact.numbers[0].e164 if contact.numbers else None
        if contact.id not in self.stored and contact.id not in self.new and first is not None:
            same = self._by_number.get(first)
            if same:
                return min(same)
        for others in self._by_number.values():
            others.discard(contact.id)
        if first is not None:
            self._by_number.setdefault(first, set()).add(contact.id)
        self.new[contact.id] = contact
        return contact.id


def add(connection: Connection, entries: Sequence[NewCallback]) -> list[Added]:
    """Add callbacks with their contacts and steps, merging those whose key is known."""
    keys = {one.callback.idempotency_key or "" for one in entries} - {""}
    found = connection.execute(_KEYS, {"keys": keys})
    by_key = {row.idempotency_key: row.id for row in found}
    people = _People(connection, entries)
    added: list[Added] = []
    fresh: dict[str, NewCallback] = {}
    for entry in entries:
        callback = entry.callback
        known = by_key.get(callback.idempotency_key or "")
        if known is not None:
            added.append(Added(callback_id=known, merged=True))
            continue
        if callback.id in fresh:
            raise Conflict(f"callback {callback.id} exists already")
        owned = replace(callback, contact_id=people.settle(entry.contact))
        fresh[callback.id] = replace(entry, callback=owned)
        if callback.idempotency_key:
            by_key[callback.idempotency_key] = callback.id
        added.append(Added(callback_id=callback.id))
    _write_contacts(connection, people)
    if fresh:
        rows = [callback_row(entry.callback) for entry in fresh.values()]
        connection.execute(insert(CALLBACK), rows)
        steps = [step_row(step) for entry in fresh.values() for step in entry.steps]
        if steps:
            connection.execute(insert(STEP), steps)
    return added


def _write_contacts(connection: Connection, people: _People) -> None:
    old = [one for name, one in people.new.items() if name in people.stored]
    new = [one for name, one in people.new.items() if name not in people.stored]
    if old:
        update_rows(connection, CONTACT, [contact_row(one) for one in old])
        connection.execute(_FORGET_NUMBERS, [{"contact": one.id} for one in old])
    if new:
        connection.execute(insert(CONTACT), [contact_row(one) for one in new])
    numbers = [row for one in people.new.values() for row in number_rows(one)]
    if numbers:
        connection.execute(insert(CONTACT_NUMBER), numbers)
