"""Single orders that must be on disk at once: write ahead, cancel, do not call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Connection,
    bindparam,
    cast,
    exists,
    false,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from adapters.sql.among import among
from adapters.sql.changes import Known, apply
from adapters.sql.mapping import micros, prepare
from adapters.sql.ready import Ready
from adapters.sql.records.tables import HOLD
from adapters.sql.tables import ATTEMPT, CALLBACK, DO_NOT_CALL, GUARD, LEG
from adapters.sql.values import read_callback
from gateway.domain.caps import contact_key, number_key
from gateway.domain.change import Change
from gateway.domain.machine import (
    TERMINAL_CALLBACK_STATES,
    CallbackEvent,
    CallbackState,
    LegState,
)
from gateway.domain.model import Role, Step
from gateway.domain.records import HOLD_ALL, hold_on
from gateway.domain.reserve import close_callback

__all__ = ["do_not_call", "request_cancel", "start_sending"]

_LISTED = exists().where(
    or_(DO_NOT_CALL.c.number == ATTEMPT.c.number, DO_NOT_CALL.c.number == LEG.c.target)
)
_HELD = exists().where(
    or_(HOLD.c.target == HOLD_ALL, HOLD.c.target == hold_on("") + CALLBACK.c.queue)
)
_MAY_CALL = exists(
    select(ATTEMPT.c.id)
    .join(CALLBACK, CALLBACK.c.id == ATTEMPT.c.callback_id)
    .where(
        ATTEMPT.c.id == LEG.c.attempt_id,
        ATTEMPT.c.closed_at.is_(None),
        CALLBACK.c.cancel_requested == false(),
        ~_LISTED.correlate(ATTEMPT, LEG),
        ~_HELD.correlate(CALLBACK),
    )
    .correlate(LEG)
)
_SEND = Ready(
    update(LEG)
    .where(
        among(LEG.c.id),
        LEG.c.state == LegState.RESERVED.value,
        LEG.c.sends == 0,
        _MAY_CALL,
    )
    .values(state=LegState.SENDING.value, sending_at=bindparam("now_"), sends=LEG.c.sends + 1)
    .returning(LEG.c.id, LEG.c.role, LEG.c.attempt_id)
)
_PLACE = Ready(
    update(ATTEMPT)
    .where(among(ATTEMPT.c.id), ATTEMPT.c.placed_at.is_(None))
    .values(placed_at=bindparam("now_"))
    .returning(ATTEMPT.c.contact_id, ATTEMPT.c.number)
)
_GAP_ENDS = bindparam("now_", type_=BigInteger) + cast(GUARD.c.min_gap * 1_000_000, BigInteger)
_COUNT_GAP = Ready(
    update(GUARD)
    .where(
        among(GUARD.c.key),
        or_(GUARD.c.next_allowed_at.is_(None), GUARD.c.next_allowed_at < _GAP_ENDS),
    )
    .values(next_allowed_at=_GAP_ENDS)
)
_LIST = {
    "sqlite": sqlite.insert(DO_NOT_CALL).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(DO_NOT_CALL).on_conflict_do_nothing(),
}


def start_sending(connection: Connection, leg_ids: Sequence[str], now: datetime) -> frozenset[str]:
    """Write ahead: RESERVED -> SENDING; returns the legs whose call may be placed now."""
    if not leg_ids:
        return frozenset()
    at = micros(now)
    sent = _SEND.rows(connection, {"keys": set(leg_ids), "now_": at})
    customers = {attempt_id for _, role, attempt_id in sent if role == Role.CUSTOMER}
    placed = _PLACE.rows(connection, {"keys": customers, "now_": at}) if customers else ()
    if placed:
        keys = {contact_key(contact_id) for contact_id, _ in placed}
        keys |= {number_key(number) for _, number in placed}
        # The minimum gap counts from the call itself, not from its reservation.
        _COUNT_GAP.rows(connection, {"keys": keys, "now_": at})
    return frozenset(leg_id for leg_id, _, _ in sent)


def request_cancel(connection: Connection, callback_id: str, reason: str, now: datetime) -> bool:
    """Cancel a scheduled callback, mark a dialing one; False if it is over or unknown."""
    query = select(CALLBACK).where(CALLBACK.c.id == callback_id).with_for_update()
    row = connection.execute(query).one_or_none()
    callback = read_callback(row) if row is not None else None
    if callback is None or callback.state in TERMINAL_CALLBACK_STATES:
        return False
    if callback.state is CallbackState.SCHEDULED:
        change = close_callback(callback, CallbackEvent.CANCEL, reason, now)
    elif callback.cancel_requested:
        return True
    else:
        step = Step(callback_id=callback_id, at=now, kind="cancel_requested", text=reason)
        marked = callback.moved(callback.state, cancel_requested=True)
        change = Change(at=now, callback=marked, steps=(step,))
    apply(connection, [prepare(change)], Known(versions={callback.id: callback.version}))
    return True


def do_not_call(connection: Connection, number: str, reason: str, now: datetime) -> None:
    """Put a number on the list; the first entry stays."""
    values = {"number": number, "reason": reason, "since": micros(now)}
    connection.execute(_LIST[connection.dialect.name], values)
