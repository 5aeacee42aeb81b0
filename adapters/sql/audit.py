"""The invariants of the system, asked of all rows by the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select

from adapters.sql.mapping import micros
from adapters.sql.tables import ATTEMPT, CALLBACK, LEG
from adapters.sql.values import instant
from gateway.domain.disposition import Disposition, meaning
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import mask
from gateway.ports import Violation

__all__ = ["audit"]

_SHOWN = 100
_GRACE = timedelta(seconds=60)
_NEVER_SENT = (LegState.RESERVED.value, LegState.RELEASED.value)
_REACHED = tuple(one.value for one in Disposition if meaning(one).reached_contact)
_Found = Iterator[tuple[str, str, str]]


def audit(connection: Connection, now: datetime) -> list[Violation]:
    """Return what does not hold, at most a hundred cases of each question asked."""
    checks = (_i1, _i2, _i3, _i4, _i5)
    found = [one for check in checks for one in check(connection)]
    found += _i6(connection, now)
    return [Violation(invariant=name, subject=who, text=what) for name, who, what in found]


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    yield from connection.execute(query.limit(_SHOWN))


def _i1(connection: Connection) -> _Found:
    """At most one write ahead for a leg, and none beyond RESERVED without it."""
    unsent = and_(LEG.c.state.not_in(_NEVER_SENT), LEG.c.sending_at.is_(None))
    for row in _rows(connection, select(LEG.c.id, LEG.c.state).where(unsent)):
        yield "I1", row.id, f"leg {row.id} is {row.state} but was never written ahead"
    for row in _rows(connection, select(LEG.c.id, LEG.c.sends).where(LEG.c.sends > 1)):
        yield "I1", row.id, f"leg {row.id} was written ahead {row.sends} times"


def _i2(connection: Connection) -> _Found:
    """At most one open attempt for a callback, a contact, a number."""
    columns = {
        "callback": ATTEMPT.c.callback_id,
        "contact": ATTEMPT.c.contact_id,
        "number": ATTEMPT.c.number,
    }
    for kind, column in columns.items():
        query = (
            select(column.label("name"), func.count().label("times"))
            .where(ATTEMPT.c.closed_at.is_(None))
            .group_by(column)
            .having(func.count() > 1)
        )
        for row in _rows(connection, query):
            name = mask(row.name) if kind == "number" else row.name
            yield "I2", name, f"{kind} {name} has {row.times} open attempts at once"


def _i3(connection: Connection) -> _Found:
    """Attempts are numbered 1, 2, 3 and the next begins when the last is closed."""
    numbered = (
        select(ATTEMPT.c.callback_id)
        .group_by(ATTEMPT.c.callback_id)
        .having(or_(func.min(ATTEMPT.c.n) != 1, func.max(ATTEMPT.c.n) != func.count(ATTEMPT.c.n)))
    )
    for row in _rows(connection, numbered):
        name = row.callback_id
        yield "I3", name, f"the attempts of callback {name} are not numbered without gaps"
    later = ATTEMPT.alias("later")
    overtaken = select(ATTEMPT.c.id, ATTEMPT.c.n, ATTEMPT.c.callback_id).where(
        ATTEMPT.c.closed_at.is_(None),
        exists().where(later.c.callback_id == ATTEMPT.c.callback_id, later.c.n > ATTEMPT.c.n),
    )
    for row in _rows(connection, overtaken):
        text = f"attempt {row.n} of callback {row.callback_id} is open though a later one exists"
        yield "I3", row.id, text


def _i4(connection: Connection) -> _Found:
    """Between two calls to a contact lies the minimum gap; what reached nobody does not count."""
    order = (ATTEMPT.c.placed_at, ATTEMPT.c.id)
    before_at = func.lag(ATTEMPT.c.placed_at).over(
        partition_by=ATTEMPT.c.contact_id, order_by=order
    )
    before_id = func.lag(ATTEMPT.c.id).over(partition_by=ATTEMPT.c.contact_id, order_by=order)
    counted = (
        select(
            ATTEMPT.c.id,
            ATTEMPT.c.min_gap,
            ATTEMPT.c.placed_at,
            before_at.label("before_at"),
            before_id.label("before_id"),
        )
        .where(
            ATTEMPT.c.placed_at.is_not(None),
            or_(ATTEMPT.c.closed_at.is_(None), ATTEMPT.c.disposition.in_(_REACHED)),
        )
        .subquery()
    )
    gap = counted.c.placed_at - counted.c.before_at
    query = select(counted, gap.label("gap")).where(gap < counted.c.min_gap * 1_000_000)
    for row in _rows(connection, query):
        text = f"attempt {row.id} came {row.gap / 1e6:.0f} s after {row.before_id}, "
        yield "I4", row.id, text + f"at least {row.min_gap:.0f} s are due"


def _i5(connection: Connection) -> _Found:
    """Nothing is forgotten: what is not over is due some time, or is being called."""
    same = ATTEMPT.c.callback_id == CALLBACK.c.id
    still_open = ATTEMPT.c.closed_at.is_(None)
    dialing = CALLBACK.c.state == CallbackState.DIALING.value
    named = select(CALLBACK.c.id, CALLBACK.c.state)
    for row in _rows(connection, named.join(ATTEMPT, same).where(still_open, ~dialing)):
        yield "I5", row.id, f"callback {row.id} is {row.state} but has an open attempt"
    timeless = and_(CALLBACK.c.state == CallbackState.SCHEDULED.value, CALLBACK.c.due_at.is_(None))
    for row in _rows(connection, named.where(timeless)):
        yield "I5", row.id, f"callback {row.id} is {row.state} without a time"
    with_leg = select(ATTEMPT.c.id).join(LEG, LEG.c.attempt_id == ATTEMPT.c.id)
    called = exists(with_leg.where(same, still_open).correlate(CALLBACK))
    for row in _rows(connection, named.where(dialing, ~called)):
        text = f"callback {row.id} is {row.state} without an open attempt that has a leg"
        yield "I5", row.id, text


def _i6(connection: Connection, now: datetime) -> _Found:
    """Every open attempt is resolved in time."""
    latest = func.max(LEG.c.resolve_by)
    query = (
        select(ATTEMPT.c.id, latest.label("until"))
        .join(LEG, LEG.c.attempt_id == ATTEMPT.c.id)
        .where(ATTEMPT.c.closed_at.is_(None))
        .group_by(ATTEMPT.c.id)
        .having(latest < micros(now - _GRACE))
    )
    for row in _rows(connection, query):
        until = instant(row.until).isoformat()
        yield "I6", row.id, f"attempt {row.id} should have been resolved by {until}"
