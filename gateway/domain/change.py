"""What the store is asked to keep, as values: decided by pure functions, applied in one go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from gateway.domain.machine import CallbackEvent
from gateway.domain.model import Attempt, Callback, Contact, Guard, Leg, Step

__all__ = ["Added", "Candidate", "Change", "Decide", "Demand", "NewCallback", "Stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Rows to write in one transaction; None or empty leaves a table alone.

    ``callback`` carries its new version; it is written only if the stored one is one lower.
    ``attempt`` and ``legs`` are inserted when new and updated otherwise. ``guards`` replace rows;
    ``refunds`` name guard keys and the reserved instant to take back from them. ``invalid_numbers``
    are marked for the contact at ``at``.
    """

    at: datetime
    callback: Callback | None = None
    attempt: Attempt | None = None
    legs: tuple[Leg, ...] = ()
    guards: tuple[Guard, ...] = ()
    refunds: tuple[tuple[str, datetime], ...] = ()
    invalid_numbers: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """No further attempt: ``event`` closes the callback, ``reason`` says why."""

    event: CallbackEvent
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCallback:
    """A callback to take in, planned or closed at once, with its contact.

    ``known``: the contact was named by its id; what is stored of it by now is left as it is.
    """

    contact: Contact
    callback: Callback
    steps: tuple[Step, ...] = ()
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of a NewCallback: kept under ``callback_id``, or merged into an earlier one."""

    callback_id: str
    merged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A carrier has room for ``limit`` more calls of ``queue``."""

    queue: str
    carrier: str
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A due callback as seen inside the claiming transaction.

    ``guards`` holds the contact's guard and that of each of its numbers, by key.
    ``do_not_call`` are those of its numbers that are on the list. ``busy_until``: when an open
    attempt with the same contact or the planned number must be resolved; None if there is none.
    """

    contact: Contact
    callback: Callback
    carrier: str
    history: tuple[Attempt, ...] = ()
    guards: dict[str, Guard] = field(default_factory=dict)
    do_not_call: frozenset[str] = frozenset()
    busy_until: datetime | None = None


# Decides about a candidate: the change to make (a reservation, a later time, or a close).
Decide = Callable[[Candidate], Change]
