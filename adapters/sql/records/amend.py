"""Changing one callback by a decision made inside the transaction."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, bindparam, select, text

from adapters.sql.changes import apply, look_up
from adapters.sql.errors import Declined
from adapters.sql.lookup import attempts_of, contacts_by_id
from adapters.sql.mapping import prepare
from adapters.sql.reads import open_flights
from adapters.sql.records.rows import hold_row
from adapters.sql.records.tables import HOLD
from adapters.sql.records.upsert import insert_new
from adapters.sql.tables import CALLBACK, CONTACT_NUMBER
from adapters.sql.values import read_callback
from gateway.domain.change import Change
from gateway.domain.errors import NotFound
from gateway.domain.model import Callback, Flight
from gateway.domain.records import CallbackView, Hold
from gateway.ports.records import Amend

__all__ = ["amend", "open_callbacks", "settle_all"]

_LOCKED = select(CALLBACK).where(CALLBACK.c.id == bindparam("name")).with_for_update()
_STORED = select(CALLBACK).where(CALLBACK.c.id == bindparam("name"))
_WITH_NUMBER = select(CONTACT_NUMBER.c.contact_id).where(CONTACT_NUMBER.c.e164 == bindparam("no"))


def amend(connection: Connection, callback_id: str, decide: Amend) -> Callback:
    """Judge one callback and apply the change; returns it as it is now."""
    row = connection.execute(_LOCKED, {"name": callback_id}).one_or_none()
    if row is None:
        raise Declined(NotFound(f"there is no callback {callback_id}"))
    callback = read_callback(row)
    contacts, listed = contacts_by_id(connection, [callback.contact_id])
    attempts = attempts_of(connection, [callback_id]) if callback.attempts else {}
    view = CallbackView(
        callback=callback,
        contact=contacts[callback.contact_id],
        attempts=tuple(attempts.get(callback_id, ())),
        do_not_call=frozenset(listed),
    )
    try:
        change = decide(view)
        prepared = None if change is None else prepare(change)
    except Exception as error:  # noqa: BLE001 -- the caller's decision: so is its mistake
        raise Declined(error) from None
    if prepared is None:
        return callback
    [refused] = apply(connection, [prepared], look_up(connection, [prepared]))
    if refused is not None:
        raise Declined(refused)
    return read_callback(connection.execute(_STORED, {"name": callback_id}).one())


def open_callbacks(
    connection: Connection, contact_id: str | None, number: str | None
) -> list[Callback]:
    """Return callbacks not closed yet of a contact, or of anybody with a number; newest first."""
    query = select(CALLBACK).where(text("callback.state IN ('SCHEDULED', 'DIALING')"))
    if contact_id is not None:
        query = query.where(CALLBACK.c.contact_id == contact_id)
    if number is not None:
        query = query.where(CALLBACK.c.contact_id.in_(_WITH_NUMBER))
    rows = connection.execute(query.order_by(CALLBACK.c.id.desc()), {"no": number})
    return [read_callback(row) for row in rows]


def settle_all(connection: Connection, hold: Hold, decide: Callable[[Flight], Change]) -> int:
    """Set a hold and change every open flight, in one transaction; returns how many there were."""
    insert_new(connection, HOLD, hold_row(hold))
    prepared = [prepare(decide(one)) for one in open_flights(connection, None)]
    for refused in apply(connection, prepared, look_up(connection, prepared)):
        if refused is not None:
            raise refused
    return len(prepared)
