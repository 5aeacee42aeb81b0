"""Contacts by themselves, and what was heard of them otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, insert, select, true, union

from adapters.sql.among import among
from adapters.sql.errors import Declined
from adapters.sql.intake import People, write_contacts
from adapters.sql.lookup import contacts_by_id
from adapters.sql.records.rows import interaction_row, read_interaction
from adapters.sql.records.tables import INTERACTION
from adapters.sql.tables import CONTACT, CONTACT_NUMBER
from gateway.domain.errors import NotFound
from gateway.domain.model import Contact
from gateway.domain.records import Interaction
from gateway.ports.records import AmendContact

__all__ = [
    "add_contact",
    "add_interactions",
    "amend_contact",
    "contact",
    "contacts",
    "interactions",
]

_AFTER_ALL = "\U0010ffff"
_WITH_NUMBER = select(CONTACT_NUMBER.c.contact_id).where(CONTACT_NUMBER.c.e164 == bindparam("no"))
_NUMBERS = select(CONTACT_NUMBER.c.e164).where(CONTACT_NUMBER.c.contact_id == bindparam("who"))
_LOCK = select(CONTACT.c.id).where(CONTACT.c.id == bindparam("who")).with_for_update()
_SEEN = select(INTERACTION.c.source, INTERACTION.c.id).where(among(INTERACTION.c.id))


def contact(connection: Connection, contact_id: str) -> Contact | None:
    return contacts_by_id(connection, [contact_id]).contacts.get(contact_id)


def contacts(connection: Connection, number: str | None, after: str, limit: int) -> list[Contact]:
    query = select(CONTACT.c.id).where(CONTACT.c.id < (after or _AFTER_ALL))
    if number is not None:
        query = query.where(CONTACT.c.id.in_(_WITH_NUMBER))
    query = query.order_by(CONTACT.c.id.desc()).limit(max(0, limit))
    ids = connection.scalars(query, {"no": number}).all()
    found = contacts_by_id(connection, ids).contacts
    return [found[one] for one in ids]


def add_contact(connection: Connection, one: Contact) -> Contact:
    """Keep a contact under its own id, or under that of who is reached first at its number."""
    people = People(connection, [one])
    kept = replace(one, id=people.settle(one))
    people.new = {kept.id: kept}
    people.stored |= {kept.id} - {one.id}
    write_contacts(connection, people)
    return kept


def amend_contact(connection: Connection, contact_id: str, decide: AmendContact) -> Contact:
    """Change a contact as ``decide`` says, its row locked meanwhile."""
    connection.execute(_LOCK, {"who": contact_id})
    before = contact(connection, contact_id)
    if before is None:
        raise Declined(NotFound(f"there is no contact {contact_id}"))
    try:
        kept = replace(decide(before), id=contact_id)
    except Exception as error:  # noqa: BLE001 -- the caller's decision: so is its mistake
        raise Declined(error) from None
    if kept != before:
        people = People(connection, [kept])
        people.new = {kept.id: kept}
        write_contacts(connection, people)
    return kept


def add_interactions(connection: Connection, given: Sequence[Interaction]) -> list[bool]:
    """Keep what was not seen before; should another node keep it first, this is run again."""
    rows = connection.execute(_SEEN, {"keys": {one.id for one in given}})
    seen = {(row.source, row.id) for row in rows}
    fresh: list[Interaction] = []
    answers: list[bool] = []
    for one in given:
        name = (one.source, one.id)
        answers.append(name not in seen)
        if name not in seen:
            seen.add(name)
            fresh.append(one)
    if fresh:
        connection.execute(insert(INTERACTION), [interaction_row(one) for one in fresh])
    return answers


def interactions(
    connection: Connection, contact_id: str | None, number: str | None, limit: int
) -> list[Interaction]:
    """List by time, newest first; of a contact those of its numbers too."""
    # One question for each index, each cut short: an OR would read everything.
    numbers = [] if number is None else [number]
    asked = []
    if contact_id is not None:
        numbers += connection.scalars(_NUMBERS, {"who": contact_id}).all()
        asked = [INTERACTION.c.contact_id == contact_id]
    asked += [INTERACTION.c.number == one for one in numbers]
    newest = (INTERACTION.c.at.desc(), INTERACTION.c.source, INTERACTION.c.id)
    cut = max(0, limit)
    if not asked:
        asked = [true()]
    parts = [select(INTERACTION).where(one).order_by(*newest).limit(cut) for one in asked]
    found = union(*(select(one.subquery()) for one in parts)).subquery()
    order = (found.c.at.desc(), found.c.source, found.c.id)
    rows = connection.execute(select(found).order_by(*order).limit(cut))
    return [read_interaction(row) for row in rows]
