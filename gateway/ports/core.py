"""What the core needs from the outside, as small protocols; adapters implement them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.domain.change import Added, Change, Decide, Demand, NewCallback, Stop
from gateway.domain.events import CarrierEvent, Finding
from gateway.domain.machine import CallbackState
from gateway.domain.model import Attempt, Callback, Contact, Flight, Leg, Plan, Role, Step
from gateway.domain.pacing import Limits
from gateway.ports.records import Records

__all__ = [
    "CarrierStatus",
    "Clock",
    "DialOrder",
    "Dialer",
    "History",
    "Ids",
    "PlanQuestion",
    "Planner",
    "Store",
    "Violation",
]


class Clock(Protocol):
    """Time, so that tests and simulations can bring their own."""

    def now(self) -> datetime:
        """Return the wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait this long."""
        ...


class Ids(Protocol):
    """Fresh names. A leg id doubles as channel id: always 32 lower-case characters."""

    def callback_id(self) -> str:
        """Return a fresh callback id, sortable by creation time."""
        ...

    def contact_id(self) -> str:
        """Return a fresh contact id."""
        ...

    def attempt_id(self) -> str:
        """Return a fresh attempt id."""
        ...

    def leg_id(self) -> str:
        """Return a fresh leg id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DialOrder:
    """One call to place.

    ``target`` is an E.164 number (customer) or an agent's dial target from the configuration.
    ``route`` names the configured destination of the answered person; ``bridge_to`` is the
    channel of the agent who waits (agent-first) or empty. ``ring_timeout`` in seconds.
    """

    leg_id: str
    role: Role
    target: str = field(repr=False)
    queue: str
    route: str
    ring_timeout: float
    bridge_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierStatus:
    """Whether a carrier can be used now, and if not, why; ``boot_epoch`` names its present run."""

    name: str
    up: bool
    reason: str
    boot_epoch: str = ""


class Dialer(Protocol):
    """A carrier: one way out."""

    @property
    def name(self) -> str:
        """The carrier's name in the configuration."""
        ...

    @property
    def limits(self) -> Limits:
        """What the carrier takes."""
        ...

    def status(self) -> CarrierStatus:
        """Tell whether it can be used now."""
        ...

    async def run(self) -> None:
        """Own the link until canceled: connect, reconnect, watch. Raises LoginRefused to give up.

        Cancelable at any await; closes everything it opened.
        """
        ...

    def events(self) -> AsyncIterator[CarrierEvent]:
        """Yield news in the order it came, links up and down included; one consumer only."""
        ...

    async def originate(self, order: DialOrder) -> None:
        """Write one order to the wire, once, and wait for the carrier to take it.

        Raises NotSent (nothing was written), Refused (the carrier said no, nothing was placed) or
        OutcomeUnknown (written, no answer). Never sends twice.
        """
        ...

    async def hang_up(self, leg_id: str, channel: str = "") -> None:
        """Ask for the end of a leg; no error if it is over already. Raises DialError."""
        ...

    async def living(self) -> Mapping[str, str]:
        """Return leg id -> channel name of every call of ours alive now. Raises DialError."""
        ...

    async def findings(self, legs: Sequence[Leg]) -> Mapping[str, Finding]:
        """Look these legs up in lasting evidence (CEL, call lists); missing: nothing known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanQuestion:
    """The question when a callback's next attempt should be.

    ``history`` are the callback's closed attempts, oldest first; the last one is the reason to
    ask again (empty at intake). A last attempt without a disposition never left the house.
    """

    contact: Contact
    callback: Callback
    now: datetime
    history: tuple[Attempt, ...] = ()


class Planner(Protocol):
    """Chooses the next attempt's time and number, or says that there is none."""

    async def plan(self, question: PlanQuestion) -> Plan | Stop:
        """Answer with a plan inside law and deadline, or the reason to stop."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The whole way of one callback."""

    contact: Contact
    callback: Callback
    attempts: tuple[Attempt, ...]
    legs: tuple[Leg, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """An invariant that does not hold: which, for what, and what was seen."""

    invariant: str
    subject: str
    text: str


class Store(Records, Protocol):
    """Keeps everything. Writes are atomic, in the order they were submitted, and group-committed.

    Every method may raise StoreUnavailable.
    """

    async def open(self) -> None:
        """Take the lock, migrate, start the writer. Raises StoreLocked, StoreUnavailable."""
        ...

    async def close(self) -> None:
        """Finish what was submitted, then let go of everything. Idempotent."""
        ...

    async def add(self, entries: Sequence[NewCallback]) -> Sequence[Added]:
        """Take callbacks in, durable on return. A known idempotency key is merged, not added.

        A contact whose id is known is updated; one with a known first number is reused. A request
        for a contact whose callback in the same queue is not closed yet is merged into that one,
        with a step ``merged`` in its journal; ``Added`` tells which. It is added if that callback
        is to be canceled or leaves less than half of the time that was asked for: it would be lost.
        """
        ...

    async def claim(self, now: datetime, demands: Sequence[Demand], decide: Decide) -> list[Flight]:
        """Let ``decide`` judge due callbacks, apply its changes, return what was reserved.

        Judged oldest due first, in the transaction that also writes the changes; at most
        ``limit`` reservations a demand (every change, not only reservations, uses one up).
        Candidates of one call see the guards and reservations made before them in it. A change
        that a constraint refuses puts its callback off by 30 s instead, with a step that says so.
        """
        ...

    async def start_sending(self, leg_ids: Sequence[str], now: datetime) -> frozenset[str]:
        """Write ahead: RESERVED -> SENDING, durable on return; sets the attempt's ``placed_at``.

        Returns the legs that may be sent now: each id is returned at most once, ever; not if its
        number was put on the do-not-call list or its callback's cancellation was requested.
        """
        ...

    def submit(self, change: Change) -> Awaitable[None]:
        """Queue a change at once; await the result to know that it is durable.

        Raises Conflict in the awaited result when a version or constraint stands against it. A
        result that nobody awaits is logged, never lost silently.
        """
        ...

    async def next_due(self, queues: Sequence[str]) -> datetime | None:
        """Return when the earliest scheduled callback of these queues is due."""
        ...

    async def overdue(self, now: datetime, limit: int = 200) -> list[Callback]:
        """Return scheduled callbacks that were due and whose deadline has passed, oldest first."""
        ...

    async def open_flights(self, node: str | None = None) -> list[Flight]:
        """Return every flight with an open attempt (of one node)."""
        ...

    async def flight_of_leg(self, leg_id: str) -> Flight | None:
        """Return the flight a leg belongs to, open or closed, for late news."""
        ...

    async def history(self, callback_id: str) -> History | None:
        """Return the whole way of one callback; a unique prefix of its id will do."""
        ...

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
        """List callbacks by id, newest first, ``after`` an id (keyset cursor).

        ``number``: of contacts that have it (E.164); ``since``/``until``: requested at or after,
        and before.
        """
        ...

    async def counts(self) -> dict[str, int]:
        """Count callbacks by state."""
        ...

    async def request_cancel(self, callback_id: str, reason: str, now: datetime) -> bool:
        """Cancel at once when scheduled, else mark it so that it closes when its call ends."""
        ...

    async def do_not_call(self, number: str, reason: str, now: datetime) -> None:
        """Put an E.164 number on the do-not-call list."""
        ...

    async def audit(self, now: datetime) -> list[Violation]:
        """Check the invariants over all rows; an empty list means that all hold."""
        ...
