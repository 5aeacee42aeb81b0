"""Claiming due callbacks in three strides of one transaction: load, judge, write.

Loading and writing are statements over many rows at once; judging is the caller's, and happens
between them in the event loop. What later candidates must see of the reservations before them is
kept in memory meanwhile: nothing is written until all are judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select, text, union

from adapters.sql.among import among
from adapters.sql.changes import Known, apply
from adapters.sql.errors import translated
from adapters.sql.lookup import attempts_of, contacts_by_id, guards_by_key
from adapters.sql.mapping import micros, prepare
from adapters.sql.records.tables import HOLD
from adapters.sql.tables import ATTEMPT, CALLBACK, LEG
from adapters.sql.values import instant, read_callback
from gateway.domain.caps import contact_key, number_key
from gateway.domain.change import Candidate, Change, Decide, Demand
from gateway.domain.errors import Conflict
from gateway.domain.model import Attempt, Callback, Contact, Flight, Guard
from gateway.domain.records import HOLD_ALL, hold_on
from gateway.domain.reserve import put_off

__all__ = ["Due", "Judged", "judge", "load", "write"]

_REFUSED = "the database refused the reservation; it is looked at again soon"
_LOOK_AGAIN = timedelta(seconds=30)
_SOON = timedelta(seconds=1)

# The state stands in the text: with a parameter neither engine could use the partial index.
_DUE = (
    select(CALLBACK)
    .where(
        text("callback.state = 'SCHEDULED'"),
        CALLBACK.c.queue == bindparam("queue_"),
        CALLBACK.c.due_at <= bindparam("now_"),
    )
    .order_by(CALLBACK.c.due_at, CALLBACK.c.id)
    .limit(bindparam("limit_"))
    .with_for_update(of=CALLBACK, skip_locked=True)
)
# Two questions rather than one with OR: each is answered by its own partial index.
_OPEN = union(
    *(
        select(ATTEMPT.c.id, ATTEMPT.c.contact_id, ATTEMPT.c.number).where(
            ATTEMPT.c.closed_at.is_(None), among(column, name)
        )
        for column, name in ((ATTEMPT.c.contact_id, "contacts"), (ATTEMPT.c.number, "numbers"))
    )
).subquery()
_BUSY = (
    select(_OPEN.c.contact_id, _OPEN.c.number, func.max(LEG.c.resolve_by).label("until"))
    .join(LEG, LEG.c.attempt_id == _OPEN.c.id, isouter=True)
    .group_by(_OPEN.c.id, _OPEN.c.contact_id, _OPEN.c.number)
)

_HELD = select(HOLD.c.target)

Busy = dict[tuple[str, str], datetime]


@dataclass(frozen=True, slots=True)
class Due:
    """Due callbacks with everything needed to judge them, oldest first."""

    now: datetime
    callbacks: Sequence[tuple[Callback, str]]
    contacts: Mapping[str, Contact]
    listed: frozenset[str]
    guards: Mapping[str, Guard]
    history: Mapping[str, Sequence[Attempt]]
    busy: Mapping[tuple[str, str], datetime]


Judged = Sequence[tuple[Candidate, Change]]


def load(connection: Connection, now: datetime, demands: Sequence[Demand]) -> Due | None:
    """Lock what is due, as far as there is room, and read all about it; None if nothing is."""
    due = _lock_due(connection, now, demands)
    if not due:
        return None
    callbacks = [callback for callback, _ in due]
    contacts, listed = contacts_by_id(connection, {one.contact_id for one in callbacks})
    numbers = {one.e164 for contact in contacts.values() for one in contact.numbers}
    keys = {contact_key(one) for one in contacts} | {number_key(one) for one in numbers}
    again = {one.id for one in callbacks if one.attempts}
    # The guards are locked first: of two nodes the second sees what the first has reserved.
    guards = guards_by_key(connection, keys)
    return Due(
        now=now,
        callbacks=due,
        contacts=contacts,
        listed=frozenset(listed),
        guards=guards,
        history=attempts_of(connection, again) if again else {},
        busy=_busy(connection, callbacks, now),
    )


def _lock_due(
    connection: Connection, now: datetime, demands: Sequence[Demand]
) -> list[tuple[Callback, str]]:
    carriers: dict[str, list[str]] = {}
    for demand in demands:
        carriers.setdefault(demand.queue, []).extend([demand.carrier] * demand.limit)
    found: list[tuple[Callback, str]] = []
    held = set(connection.scalars(_HELD))
    if HOLD_ALL in held:
        return []
    for queue, places in carriers.items():
        if places and hold_on(queue) not in held:
            values = {"queue_": queue, "now_": micros(now), "limit_": len(places)}
            rows = connection.execute(_DUE, values)
            found += [
                (read_callback(row), carrier) for row, carrier in zip(rows, places, strict=False)
            ]
    return sorted(found, key=lambda one: (one[0].due_at or now, one[0].id))


def _busy(connection: Connection, callbacks: Sequence[Callback], now: datetime) -> Busy:
    numbers = {one.plan.number for one in callbacks if one.plan}
    contacts = {one.contact_id for one in callbacks}
    values = {"contacts": contacts, "numbers": numbers}
    busy: Busy = {}
    for row in connection.execute(_BUSY, values):
        until = now if row.until is None else instant(row.until)
        busy["contact", row.contact_id] = until
        busy["number", row.number] = until
    return busy


def judge(due: Due, decide: Decide) -> Judged:
    """Let ``decide`` judge each; later ones see the guards and reservations made before them."""
    contacts, guards, busy = dict(due.contacts), dict(due.guards), dict(due.busy)
    judged: list[tuple[Candidate, Change]] = []
    for callback, carrier in due.callbacks:
        contact = contacts[callback.contact_id]
        numbers = [one.e164 for one in contact.numbers]
        keys = [contact_key(contact.id), *map(number_key, numbers)]
        candidate = Candidate(
            contact=contact,
            callback=callback,
            carrier=carrier,
            history=tuple(due.history.get(callback.id, ())),
            guards={key: guards[key] for key in keys if key in guards},
            do_not_call=due.listed.intersection(numbers),
            busy_until=_busy_until(callback, busy, due.now),
        )
        change = decide(candidate)
        judged.append((candidate, change))
        if not _will_be_refused(change, busy):
            guards.update({guard.key: guard for guard in change.guards})
            busy.update(_made_busy(change, due.now))
    return judged


def _made_busy(change: Change, now: datetime) -> Busy:
    attempt = change.attempt
    if attempt is None or attempt.closed_at is not None:
        return {}
    until = max((leg.resolve_by for leg in change.legs), default=now)
    return {("contact", attempt.contact_id): until, ("number", attempt.number): until}


def _will_be_refused(change: Change, busy: Busy) -> bool:
    """Tell what the constraints will say, so that later candidates are not shown what never was."""
    capped = any(one.n_day > one.cap_day or one.n_week > one.cap_week for one in change.guards)
    return capped or not busy.keys().isdisjoint(_made_busy(change, change.at))


def _busy_until(callback: Callback, busy: Busy, now: datetime) -> datetime | None:
    names = [("contact", callback.contact_id)]
    names += [("number", callback.plan.number)] if callback.plan else []
    ends = [busy[name] for name in names if name in busy]
    # Never in the past, or the callback would be put off to a time that is due already.
    return max(now + _SOON, *ends) if ends else None


def write(connection: Connection, due: Due, judged: Judged) -> list[Flight]:
    """Write what was decided; what a constraint refuses is put off instead."""
    known = Known(
        versions={callback.id: callback.version for callback, _ in due.callbacks},
        guards=dict(due.guards),
    )
    prepared = [prepare(change) for _, change in judged]
    refused: Sequence[Conflict | None]
    try:
        with connection.begin_nested(), translated():
            refused = apply(connection, prepared, known)
    except Conflict:
        refused = [_try(connection, change, known) for _, change in judged]
    flights: list[Flight] = []
    for (candidate, change), conflict in zip(judged, refused, strict=True):
        if conflict is not None:
            later = put_off(candidate.callback, due.now + _LOOK_AGAIN, _REFUSED, due.now)
            apply(connection, [prepare(later)], known)
        elif change.attempt is not None and change.attempt.closed_at is None:
            flights.append(_flight(candidate, change, change.attempt))
    return flights


def _try(connection: Connection, change: Change, known: Known) -> Conflict | None:
    try:
        with connection.begin_nested(), translated():
            [refused] = apply(connection, [prepare(change)], known)
    except Conflict as conflict:
        return conflict
    if refused is None:
        known.guards.update({guard.key: guard for guard in change.guards})
    return refused


def _flight(candidate: Candidate, change: Change, attempt: Attempt) -> Flight:
    return Flight(
        contact=candidate.contact,
        callback=change.callback or candidate.callback,
        attempt=attempt,
        legs=tuple(sorted(change.legs, key=lambda leg: (leg.n, leg.id))),
        history=tuple(one for one in candidate.history if one.n < attempt.n),
    )
