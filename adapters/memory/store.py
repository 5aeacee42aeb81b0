"""A real store in memory: the same rules as in a database, kept as long as the object lives."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.memory.audit import audit
from adapters.memory.intake import Batch
from adapters.memory.receipt import Receipt
from adapters.memory.records import MemoryRecords
from adapters.memory.shelves import Shelves
from gateway.domain.caps import contact_key, number_key
from gateway.domain.change import Added, Candidate, Change, Decide, Demand, NewCallback
from gateway.domain.errors import BadInput, Conflict, StoreError, StoreUnavailable
from gateway.domain.machine import (
    TERMINAL_CALLBACK_STATES,
    CallbackEvent,
    CallbackState,
    LegState,
)
from gateway.domain.model import Attempt, Callback, Contact, Flight, Leg, Role, Step
from gateway.domain.records import DoNotCall
from gateway.domain.reserve import close_callback, put_off
from gateway.ports import Clock, History, Violation

__all__ = ["MemoryStore"]

_REFUSED = "the database refused the reservation; it is looked at again soon"
_LOOK_AGAIN = timedelta(seconds=30)
_SOON = timedelta(seconds=1)


class MemoryStore(MemoryRecords):
    """The Store port in memory. Closing and opening it again keeps what it holds."""

    def __init__(self, clock: Clock | None = None) -> None:
        """``clock`` is taken so that every store is built alike; nothing here waits."""
        super().__init__()
        self._clock = clock
        self._rows = Shelves()
        self._is_open = False

    async def open(self) -> None:
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False

    @property
    def rows(self) -> Shelves:
        """The rows themselves, for tests that must break a rule."""
        return self._rows

    def _opened(self) -> Shelves:
        if not self._is_open:
            raise StoreUnavailable("the store is not open")
        return self._rows

    # Writing

    async def add(self, entries: Sequence[NewCallback]) -> Sequence[Added]:
        rows = self._opened()
        batch = Batch(rows)
        added = [batch.take(entry) for entry in entries]
        if batch.write():
            self._tell_journal()
        return added

    async def claim(self, now: datetime, demands: Sequence[Demand], decide: Decide) -> list[Flight]:
        rows = self._opened()
        flights: list[Flight] = []
        before = len(rows.journal)
        for callback_id, carrier in self._due(now, demands):
            candidate = self._candidate(callback_id, carrier, now)
            change = decide(candidate)
            try:
                rows.apply(change)
            except Conflict:
                rows.apply(put_off(candidate.callback, now + _LOOK_AGAIN, _REFUSED, now))
                continue
            if change.attempt is not None and change.attempt.closed_at is None:
                flights.append(rows.flight(change.attempt))
        if len(rows.journal) > before:
            self._tell_journal()
        return flights

    def _due(self, now: datetime, demands: Sequence[Demand]) -> list[tuple[str, str]]:
        """Return (callback, carrier) of every due callback there is room for, oldest first."""
        taken: dict[str, int] = {}
        due: list[tuple[datetime, str, str]] = []
        for demand in demands:
            if self._rows.is_held(demand.queue):
                continue
            start = taken.get(demand.queue, 0)
            taken[demand.queue] = start + max(0, demand.limit)
            found = self._rows.due(demand.queue, now, taken[demand.queue])[start:]
            due += [(at, callback_id, demand.carrier) for at, callback_id in found]
        return [(callback_id, carrier) for _, callback_id, carrier in sorted(due)]

    def _candidate(self, callback_id: str, carrier: str, now: datetime) -> Candidate:
        rows = self._rows
        callback = rows.callbacks[callback_id]
        contact = rows.contacts[callback.contact_id]
        numbers = [one.e164 for one in contact.numbers]
        keys = [contact_key(contact.id), *map(number_key, numbers)]
        return Candidate(
            contact=contact,
            callback=callback,
            carrier=carrier,
            history=rows.history_of(callback_id),
            guards={key: rows.guards[key] for key in keys if key in rows.guards},
            do_not_call=frozenset(numbers) & rows.do_not_call.keys(),
            busy_until=self._busy_until(callback, now),
        )

    def _busy_until(self, callback: Callback, now: datetime) -> datetime | None:
        names = [("contact", callback.contact_id)]
        names += [("number", callback.plan.number)] if callback.plan else []
        attempts = {self._rows.open[name] for name in names if name in self._rows.open}
        legs = [leg for one in attempts for leg in self._rows.legs_of_attempt(one)]
        return max(now + _SOON, *(leg.resolve_by for leg in legs)) if attempts else None

    async def start_sending(self, leg_ids: Sequence[str], now: datetime) -> frozenset[str]:
        rows = self._opened()
        started: set[str] = set()
        for leg_id in leg_ids:
            leg = rows.legs.get(leg_id)
            if leg is None or leg.state is not LegState.RESERVED or leg_id in rows.sent:
                continue
            attempt = rows.attempts[leg.attempt_id]
            callback = rows.callbacks[leg.callback_id]
            listed = {leg.target, attempt.number} & rows.do_not_call.keys()
            stopped = callback.cancel_requested or rows.is_held(callback.queue)
            if listed or stopped or attempt.closed_at is not None:
                continue
            rows.sent.add(leg_id)
            rows.put_leg(replace(leg, state=LegState.SENDING, sending_at=now))
            if leg.role is Role.CUSTOMER and attempt.placed_at is None:
                self._place(attempt, now)
            started.add(leg_id)
        return frozenset(started)

    def _place(self, attempt: Attempt, now: datetime) -> None:
        """Note when the contact's phone was called: from now on the gap counts from there."""
        self._rows.put_attempt(replace(attempt, placed_at=now))
        for key in (contact_key(attempt.contact_id), number_key(attempt.number)):
            guard = self._rows.guards.get(key)
            if guard is not None:
                gap_ends = now + timedelta(seconds=guard.min_gap)
                later = max(gap_ends, guard.next_allowed_at or gap_ends)
                self._rows.guards[key] = replace(guard, next_allowed_at=later)

    def submit(self, change: Change) -> Awaitable[None]:
        error: StoreError | None = None
        try:
            self._apply(change)
        except StoreError as refused:
            error = refused
        return Receipt(error)

    def _apply(self, change: Change) -> None:
        self._opened().apply(change)
        if change.steps:
            self._tell_journal()

    async def request_cancel(self, callback_id: str, reason: str, now: datetime) -> bool:
        callback = self._opened().callbacks.get(callback_id)
        if callback is None or callback.state in TERMINAL_CALLBACK_STATES:
            return False
        if callback.state is CallbackState.SCHEDULED:
            self._apply(close_callback(callback, CallbackEvent.CANCEL, reason, now))
        elif not callback.cancel_requested:
            step = Step(callback_id=callback_id, at=now, kind="cancel_requested", text=reason)
            marked = callback.moved(callback.state, cancel_requested=True)
            self._apply(Change(at=now, callback=marked, steps=(step,)))
        return True

    async def do_not_call(self, number: str, reason: str, now: datetime) -> None:
        entry = DoNotCall(number=number, reason=reason, since=now)
        self._opened().do_not_call.setdefault(number, entry)

    # Reading

    async def next_due(self, queues: Sequence[str]) -> datetime | None:
        rows = self._opened()
        return min(filter(None, (rows.next_due(queue) for queue in queues)), default=None)

    async def overdue(self, now: datetime, limit: int = 200) -> list[Callback]:
        due = [
            (one.due_at, one.id, one)
            for one in self._opened().callbacks.values()
            if one.state is CallbackState.SCHEDULED and one.due_at and one.due_at <= now
        ]
        return [one for _, _, one in sorted(due) if one.deadline < now][:limit]

    async def open_flights(self, node: str | None = None) -> list[Flight]:
        rows = self._opened()
        attempts = sorted({one for (kind, _), one in rows.open.items() if kind == "callback"})
        flights = [rows.flight(rows.attempts[one]) for one in attempts]
        if node is not None:
            flights = [one for one in flights if any(leg.node == node for leg in one.legs)]
        return flights

    async def flight_of_leg(self, leg_id: str) -> Flight | None:
        rows = self._opened()
        leg = rows.legs.get(leg_id)
        return rows.flight(rows.attempts[leg.attempt_id]) if leg else None

    async def history(self, callback_id: str) -> History | None:
        rows = self._opened()
        found = {one for one in rows.callbacks if one.startswith(callback_id)}
        if callback_id in found:
            found = {callback_id}
        if len(found) > 1:
            raise BadInput(
                "callback",
                "several callbacks begin like this",
                value=callback_id,
                remedy="give more of its id",
            )
        if not found:
            return None
        callback = rows.callbacks[found.pop()]
        attempts = rows.history_of(callback.id)
        legs: list[Leg] = [leg for one in attempts for leg in rows.legs_of_attempt(one.id)]
        return History(
            contact=rows.contacts[callback.contact_id],
            callback=callback,
            attempts=attempts,
            legs=tuple(legs),
            steps=tuple(rows.steps.get(callback.id, ())),
        )

    async def callbacks(
        self,
        *,
        states: Sequence[CallbackState] = (),
        queue: str | None = None,
        contact_id: str | None = None,
        number: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str = "",
        limit: int = 50,
    ) -> list[tuple[Callback, Contact]]:
        rows = self._opened()
        found = [
            one
            for name, one in sorted(rows.callbacks.items(), reverse=True)
            if (not after or name < after)
            and (not states or one.state in states)
            and (queue is None or one.queue == queue)
            and (contact_id is None or one.contact_id == contact_id)
            and (number is None or rows.has_number(one.contact_id, number))
            and (since is None or one.requested_at >= since)
            and (until is None or one.requested_at < until)
        ]
        return [(one, rows.contacts[one.contact_id]) for one in found[: max(0, limit)]]

    async def counts(self) -> dict[str, int]:
        counts = {state.value: 0 for state in CallbackState}
        for callback in self._opened().callbacks.values():
            counts[callback.state.value] += 1
        return counts

    async def audit(self, now: datetime) -> list[Violation]:
        return audit(self._opened(), now)
