"""The rows of the in-memory store, and the constraints a database would hold against a change."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.caps import refund_attempt
from gateway.domain.change import Change
from gateway.domain.errors import Conflict
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Attempt, Callback, Contact, Flight, Guard, Leg, Step
from gateway.domain.records import HOLD_ALL, DoNotCall, Hold, hold_on

__all__ = ["LEG_ID_LENGTH", "Shelves", "open_keys"]

LEG_ID_LENGTH = 32
_NEVER_SENT = frozenset({LegState.RESERVED, LegState.RELEASED})


def open_keys(attempt: Attempt) -> tuple[tuple[str, str], ...]:
    """Name the things of which only one attempt may be open at a time."""
    return (
        ("callback", attempt.callback_id),
        ("contact", attempt.contact_id),
        ("number", attempt.number),
    )


@dataclass(frozen=True, slots=True)
class _Checked:
    """A change that nothing stands against."""

    callback: Callback | None
    attempt: Attempt | None
    legs: tuple[Leg, ...]
    guards: dict[str, Guard]
    contact: Contact | None
    steps: tuple[Step, ...]


class Shelves:
    """Every row, with the indexes that make looking them up quick. Changes are all or nothing."""

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}
        self.callbacks: dict[str, Callback] = {}
        self.attempts: dict[str, Attempt] = {}
        self.attempts_of: defaultdict[str, list[str]] = defaultdict(list)
        self.legs: dict[str, Leg] = {}
        self.legs_of: defaultdict[str, list[str]] = defaultdict(list)
        self.guards: dict[str, Guard] = {}
        self.steps: defaultdict[str, list[Step]] = defaultdict(list)
        self.journal: list[Step] = []
        self.do_not_call: dict[str, DoNotCall] = {}
        self.holds: dict[str, Hold] = {}
        self.merged_keys: dict[str, str] = {}
        self.sent: set[str] = set()
        self.by_idempotency_key: dict[str, str] = {}
        self.open: dict[tuple[str, str], str] = {}
        self._first_numbers: defaultdict[str, set[str]] = defaultdict(set)
        self._callbacks_of: defaultdict[str, list[str]] = defaultdict(list)
        self._due: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)

    # Reading

    def history_of(self, callback_id: str) -> tuple[Attempt, ...]:
        """Return the attempts of a callback, oldest first."""
        found = (self.attempts[one] for one in self.attempts_of.get(callback_id, ()))
        return tuple(sorted(found, key=lambda attempt: attempt.n))

    def legs_of_attempt(self, attempt_id: str) -> tuple[Leg, ...]:
        """Return the legs of an attempt in their order."""
        found = (self.legs[one] for one in self.legs_of.get(attempt_id, ()))
        return tuple(sorted(found, key=lambda leg: (leg.n, leg.id)))

    def flight(self, attempt: Attempt) -> Flight:
        """Return the flight of an attempt, open or closed, with the attempts before it."""
        callback = self.callbacks[attempt.callback_id]
        return Flight(
            contact=self.contacts[callback.contact_id],
            callback=callback,
            attempt=attempt,
            legs=self.legs_of_attempt(attempt.id),
            history=tuple(one for one in self.history_of(callback.id) if one.n < attempt.n),
        )

    def due(self, queue: str, now: datetime, limit: int) -> list[tuple[datetime, str]]:
        """Return when and which callbacks of a queue are due, oldest first."""
        waiting = self._due.get(queue, [])
        return [one for one in waiting[: max(0, limit)] if one[0] <= now]

    def next_due(self, queue: str) -> datetime | None:
        """Return when the first callback of a queue is due."""
        waiting = self._due.get(queue)
        return waiting[0][0] if waiting else None

    def contacts_by_first_number(self, e164: str) -> frozenset[str]:
        """Return the contacts that are reached at this number first."""
        return frozenset(self._first_numbers.get(e164, ()))

    def callbacks_of(self, contact_id: str) -> list[Callback]:
        """Return the callbacks of a contact in the order they came."""
        return [self.callbacks[one] for one in self._callbacks_of.get(contact_id, ())]

    def has_number(self, contact_id: str, e164: str) -> bool:
        """Tell whether a contact can be reached at this number."""
        return any(one.e164 == e164 for one in self.contacts[contact_id].numbers)

    def is_held(self, queue: str) -> bool:
        """Tell whether nothing of this queue may be sent."""
        return not self.holds.keys().isdisjoint((HOLD_ALL, hold_on(queue)))

    # Writing

    def put_contact(self, contact: Contact) -> None:
        """Insert or replace a contact with its numbers."""
        old = self.contacts.get(contact.id)
        if old is not None and old.numbers:
            self._first_numbers[old.numbers[0].e164].discard(old.id)
        if contact.numbers:
            self._first_numbers[contact.numbers[0].e164].add(contact.id)
        self.contacts[contact.id] = contact

    def put_callback(self, callback: Callback) -> None:
        """Insert or replace a callback; the caller has checked it."""
        old = self.callbacks.get(callback.id)
        if old is not None and old.state is CallbackState.SCHEDULED and old.due_at:
            waiting = self._due[old.queue]
            del waiting[bisect_left(waiting, (old.due_at, old.id))]
        if callback.state is CallbackState.SCHEDULED and callback.due_at:
            insort(self._due[callback.queue], (callback.due_at, callback.id))
        if old is None:
            self._callbacks_of[callback.contact_id].append(callback.id)
        if callback.idempotency_key is not None:
            self.by_idempotency_key[callback.idempotency_key] = callback.id
        self.callbacks[callback.id] = callback

    def put_attempt(self, attempt: Attempt) -> None:
        """Insert or replace an attempt; the caller has checked it."""
        if attempt.id not in self.attempts:
            self.attempts_of[attempt.callback_id].append(attempt.id)
        for key in open_keys(attempt):
            if attempt.closed_at is None:
                self.open[key] = attempt.id
            elif self.open.get(key) == attempt.id:
                del self.open[key]
        self.attempts[attempt.id] = attempt

    def put_steps(self, steps: Iterable[Step]) -> None:
        """Add to the journal."""
        for step in steps:
            self.steps[step.callback_id].append(step)
            self.journal.append(step)

    def put_leg(self, leg: Leg) -> None:
        """Insert or replace a leg; the caller has checked it."""
        if leg.id not in self.legs:
            self.legs_of[leg.attempt_id].append(leg.id)
        self.legs[leg.id] = leg

    def apply(self, change: Change) -> None:
        """Write a change, or raise Conflict and write nothing."""
        checked = _Checked(
            callback=self._check_callback(change),
            attempt=self._check_attempt(change),
            legs=tuple(self._check_legs(change)),
            guards=self._check_guards(change),
            contact=self._check_numbers(change),
            steps=self.check_steps(change.steps, self.callbacks),
        )
        if checked.callback:
            self.put_callback(checked.callback)
        if checked.attempt:
            self.put_attempt(checked.attempt)
        for leg in checked.legs:
            self.put_leg(leg)
        if checked.contact:
            self.put_contact(checked.contact)
        self.guards.update(checked.guards)
        self.put_steps(checked.steps)

    # Constraints

    def check_new(self, callback: Callback) -> None:
        """Raise Conflict if a callback cannot be inserted."""
        if callback.id in self.callbacks:
            raise Conflict(f"callback {callback.id} exists already")
        self._check_due(callback)

    @staticmethod
    def check_steps(steps: Sequence[Step], known: Iterable[str]) -> tuple[Step, ...]:
        """Raise Conflict for a step of a callback that is not known."""
        for step in steps:
            if step.callback_id not in known:
                raise Conflict(f"a step names the unknown callback {step.callback_id}")
        return tuple(steps)

    @staticmethod
    def _check_due(callback: Callback) -> None:
        if callback.state is CallbackState.SCHEDULED and callback.due_at is None:
            raise Conflict(f"callback {callback.id} is scheduled without a time")

    def _check_callback(self, change: Change) -> Callback | None:
        callback = change.callback
        if callback is None:
            return None
        stored = self.callbacks.get(callback.id)
        if stored is None or callback.version != stored.version + 1:
            raise Conflict(f"callback {callback.id}: version {callback.version} is not the next")
        if callback.contact_id not in self.contacts:
            raise Conflict(f"callback {callback.id} names an unknown contact")
        key = callback.idempotency_key
        if key is not None and self.by_idempotency_key.get(key, callback.id) != callback.id:
            raise Conflict(f"callback {callback.id}: its idempotency key is taken")
        self._check_due(callback)
        return callback

    def _check_attempt(self, change: Change) -> Attempt | None:
        attempt = change.attempt
        if attempt is None:
            return None
        if attempt.callback_id not in self.callbacks or attempt.contact_id not in self.contacts:
            raise Conflict(f"attempt {attempt.id} names an unknown callback or contact")
        for other in self.attempts_of.get(attempt.callback_id, ()):
            if other != attempt.id and self.attempts[other].n == attempt.n:
                raise Conflict(f"callback {attempt.callback_id} has an attempt {attempt.n}")
        if attempt.closed_at is None:
            for kind, name in open_keys(attempt):
                if self.open.get((kind, name), attempt.id) != attempt.id:
                    raise Conflict(f"the {kind} of attempt {attempt.id} is in an open attempt")
        stored = self.attempts.get(attempt.id)
        placed_at = stored.placed_at if stored else None
        return replace(attempt, placed_at=placed_at or attempt.placed_at)

    def _check_legs(self, change: Change) -> Iterable[Leg]:
        for leg in change.legs:
            if len(leg.id) != LEG_ID_LENGTH:
                raise Conflict(f"a leg id has {LEG_ID_LENGTH} characters, not {len(leg.id)}")
            new = change.attempt and change.attempt.id == leg.attempt_id
            if not new and leg.attempt_id not in self.attempts:
                raise Conflict(f"leg {leg.id} names an unknown attempt")
            stored = self.legs.get(leg.id)
            sending_at = (stored.sending_at if stored else None) or leg.sending_at
            if (leg.state in _NEVER_SENT) != (sending_at is None):
                raise Conflict(f"leg {leg.id}: {leg.state} does not fit its time of sending")
            yield replace(leg, sending_at=sending_at)

    def _check_guards(self, change: Change) -> dict[str, Guard]:
        guards = {guard.key: guard for guard in change.guards}
        for key, at in change.refunds:
            guard = guards.get(key) or self.guards.get(key)
            if guard is not None:
                guards[key] = refund_attempt(guard, at)
        for guard in guards.values():
            if guard.n_day > guard.cap_day or guard.n_week > guard.cap_week:
                raise Conflict("a guard counts more attempts than its cap allows")
        return guards

    def _check_numbers(self, change: Change) -> Contact | None:
        named = change.callback or change.attempt or next(iter(change.legs), None)
        if not change.invalid_numbers or named is None:
            return None
        callback_id = named.id if isinstance(named, Callback) else named.callback_id
        contact = self.contacts[self.callbacks[callback_id].contact_id]
        numbers = tuple(
            replace(one, invalid_since=one.invalid_since or change.at)
            if one.e164 in change.invalid_numbers
            else one
            for one in contact.numbers
        )
        return replace(contact, numbers=numbers)
