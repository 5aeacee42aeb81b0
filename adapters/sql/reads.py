"""The questions people and the dispatcher ask, each answered within one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, func, select, text

from adapters.sql.lookup import attempts_of, callbacks_by_id, contacts_by_id, flights_of, legs_of
from adapters.sql.mapping import micros
from adapters.sql.tables import ATTEMPT, CALLBACK, LEG, STEP
from adapters.sql.values import instant, read_attempt, read_callback, read_step
from gateway.domain.errors import BadInput
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Flight
from gateway.ports import History

__all__ = ["counts", "flight_of_leg", "history", "next_due", "open_flights", "overdue"]

# The state stands in the text: with a parameter neither engine could use the partial index.
_NEXT_DUE = (
    select(CALLBACK.c.due_at)
    .where(text("callback.state = 'SCHEDULED'"), CALLBACK.c.queue == bindparam("queue_"))
    .order_by(CALLBACK.c.due_at)
    .limit(1)
)
_OVERDUE = (
    select(CALLBACK)
    .where(
        text("callback.state = 'SCHEDULED'"),
        CALLBACK.c.deadline < bindparam("now_"),
        CALLBACK.c.due_at <= bindparam("now_"),
    )
    .order_by(CALLBACK.c.due_at, CALLBACK.c.id)
    .limit(bindparam("limit_"))
)
_AFTER_ALL = "\U0010ffff"


def next_due(connection: Connection, queues: Sequence[str]) -> datetime | None:
    """Return when the earliest scheduled callback of these queues is due."""
    found = (connection.scalar(_NEXT_DUE, {"queue_": queue}) for queue in queues)
    earliest = min((at for at in found if at is not None), default=None)
    return None if earliest is None else instant(earliest)


def overdue(connection: Connection, now: datetime, limit: int) -> list[Callback]:
    """Return scheduled callbacks that were due and whose deadline has passed, oldest first."""
    rows = connection.execute(_OVERDUE, {"now_": micros(now), "limit_": max(0, limit)})
    return [read_callback(row) for row in rows]


def open_flights(connection: Connection, node: str | None) -> list[Flight]:
    """Return every flight with an open attempt, of one node or of all."""
    query = select(ATTEMPT).where(ATTEMPT.c.closed_at.is_(None)).order_by(ATTEMPT.c.id)
    if node is not None:
        query = query.where(exists().where(LEG.c.attempt_id == ATTEMPT.c.id, LEG.c.node == node))
    return flights_of(connection, [read_attempt(row) for row in connection.execute(query)])


def flight_of_leg(connection: Connection, leg_id: str) -> Flight | None:
    """Return the flight a leg belongs to, open or closed."""
    query = select(ATTEMPT).join(LEG, LEG.c.attempt_id == ATTEMPT.c.id).where(LEG.c.id == leg_id)
    row = connection.execute(query).one_or_none()
    return flights_of(connection, [read_attempt(row)])[0] if row is not None else None


def history(connection: Connection, callback_id: str) -> History | None:
    """Return the whole way of one callback, by its id or a unique beginning of it."""
    full = _full_id(connection, callback_id)
    if full is None:
        return None
    callback = callbacks_by_id(connection, [full])[full]
    contacts, _ = contacts_by_id(connection, [callback.contact_id])
    attempts = attempts_of(connection, [full]).get(full, [])
    legs = legs_of(connection, [one.id for one in attempts])
    steps = select(STEP).where(STEP.c.callback_id == full).order_by(STEP.c.id)
    return History(
        contact=contacts[callback.contact_id],
        callback=callback,
        attempts=tuple(attempts),
        legs=tuple(leg for one in attempts for leg in legs.get(one.id, ())),
        steps=tuple(read_step(row) for row in connection.execute(steps)),
    )


def _full_id(connection: Connection, prefix: str) -> str | None:
    # A range, not LIKE: it uses the primary key and knows no wildcards.
    query = select(CALLBACK.c.id).where(
        CALLBACK.c.id >= prefix, CALLBACK.c.id < prefix + _AFTER_ALL
    )
    found = connection.scalars(query.order_by(CALLBACK.c.id).limit(2)).all()
    if len(found) > 1 and found[0] != prefix:
        raise BadInput(
            "callback",
            "several callbacks begin like this",
            value=prefix,
            remedy="give more of its id",
        )
    return found[0] if found else None


def counts(connection: Connection) -> dict[str, int]:
    """Count callbacks by state, zeros included."""
    query = select(CALLBACK.c.state, func.count()).group_by(CALLBACK.c.state)
    found = {row[0]: int(row[1]) for row in connection.execute(query)}
    return {state.value: found.get(state.value, 0) for state in CallbackState}
