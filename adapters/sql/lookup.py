"""Reading rows in bulk by their keys, and putting flights together from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from adapters.sql.among import among
from adapters.sql.tables import ATTEMPT, CALLBACK, CONTACT, CONTACT_NUMBER, DO_NOT_CALL, GUARD, LEG
from adapters.sql.values import (
    read_attempt,
    read_callback,
    read_contact,
    read_guard,
    read_leg,
    read_number,
)
from gateway.domain.model import Attempt, Callback, Contact, Flight, Guard, Leg, Number

__all__ = [
    "attempts_of",
    "callbacks_by_id",
    "contacts_by_id",
    "flights_of",
    "guards_by_key",
    "legs_of",
]

_CALLBACKS = select(CALLBACK).where(among(CALLBACK.c.id))
_GUARDS = select(GUARD).where(among(GUARD.c.key)).order_by(GUARD.c.key).with_for_update()
_ATTEMPTS = (
    select(ATTEMPT).where(among(ATTEMPT.c.callback_id)).order_by(ATTEMPT.c.callback_id, ATTEMPT.c.n)
)
_LEGS = select(LEG).where(among(LEG.c.attempt_id)).order_by(LEG.c.attempt_id, LEG.c.n, LEG.c.id)
_CONTACTS = (
    select(
        CONTACT,
        CONTACT_NUMBER.c.e164,
        CONTACT_NUMBER.c.invalid_since,
        DO_NOT_CALL.c.number.label("listed"),
    )
    .join(CONTACT_NUMBER, CONTACT_NUMBER.c.contact_id == CONTACT.c.id, isouter=True)
    .join(DO_NOT_CALL, DO_NOT_CALL.c.number == CONTACT_NUMBER.c.e164, isouter=True)
    .where(among(CONTACT.c.id))
    .order_by(CONTACT.c.id, CONTACT_NUMBER.c.position)
)


def callbacks_by_id(connection: Connection, ids: Collection[str]) -> dict[str, Callback]:
    return {row.id: read_callback(row) for row in connection.execute(_CALLBACKS, {"keys": ids})}


class People(NamedTuple):
    """Contacts by id, and those of their numbers that must not be called."""

    contacts: dict[str, Contact]
    listed: set[str]


def contacts_by_id(connection: Connection, ids: Collection[str]) -> People:
    """Return contacts with their numbers in order, and which of these are on the list."""
    rows: dict[str, Row[Any]] = {}
    numbers: defaultdict[str, list[Number]] = defaultdict(list)
    listed: set[str] = set()
    for row in connection.execute(_CONTACTS, {"keys": ids}):
        rows[row.id] = row
        if row.e164 is not None:
            numbers[row.id].append(read_number(row))
        if row.listed is not None:
            listed.add(row.listed)
    contacts = {name: read_contact(row, numbers[name]) for name, row in rows.items()}
    return People(contacts, listed)


def guards_by_key(connection: Connection, keys: Collection[str]) -> dict[str, Guard]:
    """Return guards, locked where the engine locks rows."""
    return {row.key: read_guard(row) for row in connection.execute(_GUARDS, {"keys": keys})}


def attempts_of(connection: Connection, callback_ids: Collection[str]) -> dict[str, list[Attempt]]:
    """Return the attempts of callbacks, oldest first."""
    found: defaultdict[str, list[Attempt]] = defaultdict(list)
    for row in connection.execute(_ATTEMPTS, {"keys": callback_ids}):
        found[row.callback_id].append(read_attempt(row))
    return found


def legs_of(connection: Connection, attempt_ids: Collection[str]) -> dict[str, list[Leg]]:
    """Return the legs of attempts in their order."""
    found: defaultdict[str, list[Leg]] = defaultdict(list)
    for row in connection.execute(_LEGS, {"keys": attempt_ids}):
        found[row.attempt_id].append(read_leg(row))
    return found


def flights_of(connection: Connection, attempts: Sequence[Attempt]) -> list[Flight]:
    """Return the flights of these attempts, each with the attempts before it."""
    callbacks = callbacks_by_id(connection, {one.callback_id for one in attempts})
    contacts, _ = contacts_by_id(connection, {one.contact_id for one in callbacks.values()})
    legs = legs_of(connection, {one.id for one in attempts})
    later = {one.callback_id for one in attempts if one.n > 1}
    history = attempts_of(connection, later) if later else {}
    flights = []
    for attempt in attempts:
        callback = callbacks[attempt.callback_id]
        before = history.get(callback.id, ())
        flights.append(
            Flight(
                contact=contacts[callback.contact_id],
                callback=callback,
                attempt=attempt,
                legs=tuple(legs.get(attempt.id, ())),
                history=tuple(one for one in before if one.n < attempt.n),
            )
        )
    return flights
