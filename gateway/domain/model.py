"""The things Kairos works with: frozen values, changed only by copy.

Times are aware datetimes in UTC; numbers are E.164 strings (``+358401234567``); zones are IANA
names; durations are seconds unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from gateway.domain.disposition import Disposition
from gateway.domain.machine import TERMINAL_LEG_STATES, CallbackState, LegState

__all__ = [
    "Attempt",
    "Callback",
    "Cohort",
    "Contact",
    "Evidence",
    "Flight",
    "Guard",
    "Leg",
    "Number",
    "Plan",
    "PreferredWindow",
    "Role",
    "Step",
    "mask",
]

_SHOWN = 2


def mask(number: str) -> str:
    """Hide a phone number but for its last two digits, for logs and messages."""
    return f"…{number[-_SHOWN:]}" if len(number) > 2 * _SHOWN else "…"


class Cohort(StrEnum):
    """Which planner a contact was drawn for, so that uplift can be measured."""

    MODEL = "model"
    CONTROL = "control"


class Role(StrEnum):
    """Whom a leg calls."""

    CUSTOMER = "customer"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number of a contact. ``invalid_since``: a carrier said that it does not exist."""

    e164: str = field(repr=False)
    invalid_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person reachable at one or more numbers, the first preferred.

    ``zone``/``country`` unknown (None) means that no call is allowed until they are known.
    """

    id: str
    numbers: tuple[Number, ...]
    name: str = field(default="", repr=False)
    zone: str | None = None
    country: str | None = None
    subdivision: str | None = None
    language: str | None = None
    industry: str | None = None
    segment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferredWindow:
    """A time that suits the contact: weekdays (0 Monday) and local minutes of the day."""

    weekdays: frozenset[int]
    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The chosen time of the next attempt and why.

    ``decider`` names who chose: ``rule:<set>@<version>``, ``model:<version>`` or ``human:<who>``.
    ``probability`` (0..1) and ``value`` are None where the decider does not estimate them.
    ``any_time``: the contact's preferred times do not bind it; the law always does.
    """

    due_at: datetime
    number: str = field(repr=False)
    decider: str
    reasons: tuple[str, ...]
    made_at: datetime
    probability: float | None = None
    value: float | None = None
    any_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One request to call a contact.

    ``attempts`` counts the attempts made; ``used`` those that are held against the contact.
    ``state_reason`` says in plain words why it is in its state. ``answered_late``: evidence of an
    earlier attempt turned up while another was open, or the contact was reached otherwise, so it
    closes as DONE when that one ends. ``legal_basis``: in the asker's words, why this contact may
    be called (a contract, a consent and where it is kept).
    """

    id: str
    contact_id: str
    queue: str
    requested_at: datetime
    deadline: datetime
    state: CallbackState
    state_reason: str = ""
    due_at: datetime | None = None
    plan: Plan | None = None
    reason: str = ""
    preferred: tuple[PreferredWindow, ...] = ()
    worth: float = 1.0
    cohort: Cohort = Cohort.CONTROL
    source: str = ""
    idempotency_key: str | None = None
    attempts: int = 0
    used: int = 0
    cancel_requested: bool = False
    answered_late: bool = False
    outcome: Disposition | None = None
    closed_at: datetime | None = None
    version: int = 1
    legal_basis: str = ""

    @property
    def wishes(self) -> tuple[PreferredWindow, ...]:
        """The preferred times that bind the planned attempt."""
        return () if self.plan is not None and self.plan.any_time else self.preferred

    def moved(self, state: CallbackState, **changes: Any) -> Callback:
        """Return the next version in ``state``, with other fields changed too."""
        return replace(self, state=state, version=self.version + 1, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a carrier said about a leg, raw, beside our reading of it.

    ``cause`` is a Q.850 cause, ``tech_cause`` a SIP status, ``source`` who said it (``events``,
    ``cel``, ``response``...).
    """

    source: str = ""
    cause: int | None = None
    tech_cause: int | None = None
    dial_status: str = ""
    reason: str = ""
    amd: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One origination through one carrier. ``id`` is also the channel id at the PBX.

    ``boot_epoch`` names the run of the PBX that got the order; ``resolve_by`` is when the
    resolver must decide if nothing was heard.
    """

    id: str
    attempt_id: str
    callback_id: str
    n: int
    role: Role
    carrier: str
    target: str = field(repr=False)
    state: LegState
    node: str
    reserved_at: datetime
    resolve_by: datetime
    boot_epoch: str = ""
    sending_at: datetime | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    channel: str = ""
    disposition: Disposition | None = None
    evidence: Evidence = Evidence()

    @property
    def is_open(self) -> bool:
        """Whether this leg may still be heard of."""
        return self.state not in TERMINAL_LEG_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to reach a contact, open until ``closed_at``. ``min_gap`` was in force when reserved.

    ``placed_at`` is the first write-ahead of a customer leg: gaps and caps count from it.
    """

    id: str
    callback_id: str
    contact_id: str
    n: int
    number: str = field(repr=False)
    reserved_at: datetime
    min_gap: float = 0.0
    placed_at: datetime | None = None
    closed_at: datetime | None = None
    disposition: Disposition | None = None
    talk_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How often a contact or a number was called lately: the caps, enforced by the database too.

    ``key`` is ``contact:<id>`` or ``number:<e164>``; ``recent`` are the reserved instants of the
    last seven days, oldest first; the counts must not pass the caps in force. ``min_gap`` (seconds)
    was in force at the newest.
    """

    key: str = field(repr=False)
    recent: tuple[datetime, ...] = ()
    next_allowed_at: datetime | None = None
    day: str = ""
    n_day: int = 0
    cap_day: int = 0
    n_week: int = 0
    cap_week: int = 0
    min_gap: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a callback's way: what happened, when, and why. Never holds personal data."""

    callback_id: str
    at: datetime
    kind: str
    text: str
    attempt_id: str | None = None
    leg_id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """Everything about a callback while an attempt is open."""

    contact: Contact
    callback: Callback
    attempt: Attempt
    legs: tuple[Leg, ...]
    history: tuple[Attempt, ...] = ()

    def leg(self, leg_id: str) -> Leg:
        """Return the leg of this id; raise KeyError if it is not of this flight."""
        for leg in self.legs:
            if leg.id == leg_id:
                return leg
        raise KeyError(leg_id)
