"""Rows for an export, page by page: each page is one snapshot, none holds the writer up.

A single snapshot for all would keep SQLite's log growing for as long as the export takes. Rows
come in the order of their ids, which is that of their making; what changes meanwhile may be in it
or not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, select, tuple_

from adapters.sql import migrate
from adapters.sql.lookup import contacts_by_id, legs_of
from adapters.sql.mapping import micros
from adapters.sql.records.tables import INTERACTION
from adapters.sql.tables import ATTEMPT, CALLBACK, CONTACT
from adapters.sql.urls import reads_of
from adapters.sql.values import instant_or_none, read_callback
from gateway.app.exporting import Export, Wanted
from gateway.domain.model import Contact, Leg, Role

__all__ = ["export_pages"]

_PAGE: Final = 2_000
Rows = list[dict[str, Any]]
_Place = tuple[str, ...]


async def export_pages(url: str, wanted: Wanted) -> AsyncIterator[Rows]:
    """Yield the rows of a table, by the names of its columns. Raises StoreUnavailable, BadInput."""
    database = reads_of(url)
    try:
        await database.open()
        await database.read(migrate.check)
        place: _Place | None = None
        while True:
            rows, place = await database.read(partial(_page, wanted=wanted, after=place))
            if rows:
                yield rows
            if place is None:
                return
    finally:
        await database.close()


def _page(
    connection: Connection, wanted: Wanted, after: _Place | None
) -> tuple[Rows, _Place | None]:
    """Return a page and where it ends; None: nothing comes after it."""
    query, keys, shape = _TABLES[wanted.table](wanted)
    if after is not None:
        query = query.where(
            keys[0] > after[0] if len(keys) == 1 else tuple_(*keys) > tuple_(*after)
        )
    found = connection.execute(query.order_by(*keys).limit(_PAGE)).all()
    place = None
    if len(found) == _PAGE:
        place = tuple(str(getattr(found[-1], key.name)) for key in keys)
    return shape(connection, found), place


_Shape = Callable[[Connection, Sequence[Any]], Rows]
_Query = tuple[Select[Any], Sequence[Column[Any]], _Shape]


def _between(query: Select[Any], wanted: Wanted, at: Column[Any]) -> Select[Any]:
    if wanted.since is not None:
        query = query.where(at >= micros(wanted.since))
    if wanted.until is not None:
        query = query.where(at < micros(wanted.until))
    return query


def _callbacks(wanted: Wanted) -> _Query:
    query = _between(select(CALLBACK), wanted, CALLBACK.c.requested_at)
    if wanted.states:
        query = query.where(CALLBACK.c.state.in_(wanted.states))
    if wanted.queue is not None:
        query = query.where(CALLBACK.c.queue == wanted.queue)
    return query, [CALLBACK.c.id], _callback_rows


def _callback_rows(connection: Connection, found: Sequence[Any]) -> Rows:
    people = contacts_by_id(connection, {row.contact_id for row in found}).contacts
    rows = []
    for row in found:
        one = read_callback(row)
        contact = people[one.contact_id]
        rows.append(
            {
                **{name: getattr(one, name) for name in _OF_CALLBACK},
                **_person(contact),
                "state": one.state.value,
                "outcome": one.outcome.value if one.outcome else None,
                "cohort": one.cohort.value,
                "decider": one.plan.decider if one.plan else None,
                "number": contact.numbers[0].e164 if contact.numbers else None,
                "name": contact.name,
            }
        )
    return rows


_OF_CALLBACK: Final = (
    *("id", "contact_id", "queue", "requested_at", "deadline", "due_at", "closed_at"),
    *("attempts", "used", "worth", "source", "legal_basis", "reason"),
)


def _person(contact: Contact) -> dict[str, Any]:
    names = ("zone", "country", "subdivision", "language", "industry", "segment")
    return {name: getattr(contact, name) for name in names}


def _attempts(wanted: Wanted) -> _Query:
    query = select(ATTEMPT, CALLBACK.c.queue).join(CALLBACK, CALLBACK.c.id == ATTEMPT.c.callback_id)
    query = _between(query, wanted, ATTEMPT.c.reserved_at)
    if wanted.queue is not None:
        query = query.where(CALLBACK.c.queue == wanted.queue)
    return query, [ATTEMPT.c.id], _attempt_rows


def _attempt_rows(connection: Connection, found: Sequence[Any]) -> Rows:
    people = contacts_by_id(connection, {row.contact_id for row in found}).contacts
    legs = legs_of(connection, [row.id for row in found])
    rows = []
    for row in found:
        plain = {name: getattr(row, name) for name in _OF_ATTEMPT}
        times = {name: instant_or_none(getattr(row, name)) for name in _TIMES_OF_ATTEMPT}
        own = [leg for leg in legs.get(row.id, ()) if leg.role is Role.CUSTOMER]
        rows.append({**plain, **times, **_person(people[row.contact_id]), **_leg(own)})
    return rows


_OF_ATTEMPT: Final = (
    *("id", "callback_id", "contact_id", "queue", "n", "number", "disposition", "talk_seconds"),
)
_TIMES_OF_ATTEMPT: Final = ("reserved_at", "placed_at", "closed_at")


def _leg(legs: Sequence[Leg]) -> dict[str, Any]:
    """Return what the last call to the contact tells."""
    if not legs:
        return {}
    last = legs[-1]
    return {
        "carrier": last.carrier,
        "ringing_at": last.ringing_at,
        "answered_at": last.answered_at,
        "connected_at": last.connected_at,
        "cause": last.evidence.cause,
        "tech_cause": last.evidence.tech_cause,
    }


def _contacts(_wanted: Wanted) -> _Query:
    return select(CONTACT.c.id), [CONTACT.c.id], _contact_rows


def _contact_rows(connection: Connection, found: Sequence[Any]) -> Rows:
    people = contacts_by_id(connection, {row.id for row in found}).contacts
    rows = []
    for row in found:
        contact = people[row.id]
        numbers = [one.e164 for one in contact.numbers]
        rows.append(
            {
                **_person(contact),
                "id": contact.id,
                "name": contact.name,
                "numbers": len(numbers),
                "invalid_numbers": sum(one.invalid_since is not None for one in contact.numbers),
                "number": numbers[0] if numbers else None,
                "other_numbers": " | ".join(numbers[1:]) or None,
            }
        )
    return rows


def _interactions(wanted: Wanted) -> _Query:
    query = _between(select(INTERACTION), wanted, INTERACTION.c.at)
    return query, [INTERACTION.c.source, INTERACTION.c.id], _interaction_rows


def _interaction_rows(_connection: Connection, found: Sequence[Any]) -> Rows:
    names = ("source", "id", "kind", "answered", "contact_id", "number", "data")
    return [
        {**{name: getattr(row, name) for name in names}, "at": instant_or_none(row.at)}
        for row in found
    ]


_TABLES: Final[dict[Export, Callable[[Wanted], _Query]]] = {
    Export.CALLBACKS: _callbacks,
    Export.ATTEMPTS: _attempts,
    Export.CONTACTS: _contacts,
    Export.INTERACTIONS: _interactions,
}
