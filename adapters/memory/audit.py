"""The invariants of the system, checked over the rows of the in-memory store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from adapters.memory.shelves import Shelves
from gateway.domain.disposition import meaning
from gateway.domain.machine import TERMINAL_CALLBACK_STATES, CallbackState, LegState
from gateway.domain.model import Attempt, mask
from gateway.ports import Violation

__all__ = ["audit"]

_T = TypeVar("_T")
_NEVER_SENT = frozenset({LegState.RESERVED, LegState.RELEASED})
_GRACE = timedelta(seconds=60)


def audit(rows: Shelves, now: datetime) -> list[Violation]:
    """Return what does not hold, by invariant."""
    checks = (_i1(rows), _i2(rows), _i3(rows), _i4(rows), _i5(rows), _i6(rows, now))
    return [Violation(invariant=name, subject=subject, text=text)
            for check in checks for name, subject, text in check]  # fmt: skip


_Found = Iterator[tuple[str, str, str]]


def _grouped(items: Iterable[tuple[Hashable, _T]]) -> dict[Hashable, list[_T]]:
    groups: defaultdict[Hashable, list[_T]] = defaultdict(list)
    for key, item in items:
        groups[key].append(item)
    return groups


def _i1(rows: Shelves) -> _Found:
    for leg in rows.legs.values():
        if leg.state not in _NEVER_SENT and leg.sending_at is None:
            yield "I1", leg.id, f"leg {leg.id} is {leg.state} but was never written ahead"


def _i2(rows: Shelves) -> _Found:
    still_open = [one for one in rows.attempts.values() if one.closed_at is None]
    by_callback = _grouped((one.callback_id, one) for one in still_open)
    by_contact = _grouped((one.contact_id, one) for one in still_open)
    by_number = _grouped((one.number, one) for one in still_open)
    kinds = (("callback", by_callback), ("contact", by_contact), ("number", by_number))
    for kind, groups in kinds:
        for key, attempts in groups.items():
            if len(attempts) > 1:
                name = mask(attempts[0].number) if kind == "number" else str(key)
                yield "I2", name, f"{kind} {name} has {len(attempts)} open attempts at once"


def _i3(rows: Shelves) -> _Found:
    by_callback = _grouped((one.callback_id, one) for one in rows.attempts.values())
    for callback_id, found in by_callback.items():
        attempts = sorted(found, key=lambda one: one.n)
        name = str(callback_id)
        if [one.n for one in attempts] != list(range(1, len(attempts) + 1)):
            yield "I3", name, f"the attempts of callback {name} are not numbered without gaps"
        for earlier in attempts[:-1]:
            if earlier.closed_at is None:
                text = f"attempt {earlier.n} of callback {name} is open though a later one exists"
                yield "I3", earlier.id, text


def _counts(attempt: Attempt) -> bool:
    if attempt.closed_at is None:
        return attempt.placed_at is not None
    reached = attempt.disposition is not None and meaning(attempt.disposition).reached_contact
    return reached and attempt.placed_at is not None


def _i4(rows: Shelves) -> _Found:
    counted = [one for one in rows.attempts.values() if _counts(one)]
    for attempts in _grouped((one.contact_id, one) for one in counted).values():
        in_order = sorted(attempts, key=lambda one: (one.placed_at or one.reserved_at, one.id))
        for earlier, later in pairwise(in_order):
            if earlier.placed_at is None or later.placed_at is None:
                continue
            gap = (later.placed_at - earlier.placed_at).total_seconds()
            if gap < later.min_gap:
                text = f"attempt {later.id} came {gap:.0f} s after {earlier.id}, "
                yield "I4", later.id, text + f"at least {later.min_gap:.0f} s are due"


def _i5(rows: Shelves) -> _Found:
    by_callback = _grouped(
        (one.callback_id, one) for one in rows.attempts.values() if one.closed_at is None
    )
    for callback in rows.callbacks.values():
        attempts, state = by_callback.get(callback.id, []), callback.state
        if attempts and state is not CallbackState.DIALING:
            yield "I5", callback.id, f"callback {callback.id} is {state} but has an open attempt"
        if state is CallbackState.SCHEDULED and callback.due_at is None:
            yield "I5", callback.id, f"callback {callback.id} is SCHEDULED without a time"
        if state in TERMINAL_CALLBACK_STATES or state is not CallbackState.DIALING:
            continue
        if not any(rows.legs_of_attempt(one.id) for one in attempts):
            text = f"callback {callback.id} is DIALING without an open attempt that has a leg"
            yield "I5", callback.id, text


def _i6(rows: Shelves, now: datetime) -> _Found:
    for attempt in rows.attempts.values():
        legs = rows.legs_of_attempt(attempt.id)
        if attempt.closed_at is None and legs:
            latest = max(leg.resolve_by for leg in legs)
            if latest + _GRACE < now:
                yield (
                    "I6",
                    attempt.id,
                    f"attempt {attempt.id} should have been resolved by {latest}",
                )
