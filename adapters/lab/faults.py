"""Faults a PBX and the way to it can have: by chance from a seed, or on command.

A fault is named by :class:`Fault`. :class:`FaultRates` gives each a chance per
opportunity; :meth:`Faults.arm` makes the next opportunities certain. What was
done is counted in :attr:`Faults.fired`.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """What can go wrong. Opportunities: every Originate, every event sent to a session."""

    # At an Originate.
    CUT_BEFORE = "cut_before"
    """The connection breaks before the order is read: nothing is placed."""
    CUT_AFTER = "cut_after"
    """The order is carried out, but the connection breaks before the answer."""
    ACK_LOST = "ack_lost"
    """The order is carried out and never answered."""
    ACK_LATE = "ack_late"
    """The order is carried out; its answer comes ``late_seconds`` later."""
    ACK_TWICE = "ack_twice"
    """The order is carried out and answered twice."""
    STALL = "stall"
    """Nothing is read or written for ``stall_seconds``; then all of it."""
    HALF_OPEN = "half_open"
    """This session is never read or written again, but stays open."""
    RESTART_BEFORE = "restart_before"
    """The PBX dies before it carries the order out, and comes up without memory."""
    RESTART_AFTER = "restart_after"
    """The PBX carries the order out, dies before answering, and comes up without memory."""

    # At an event.
    EVENT_LOST = "event_lost"
    EVENT_TWICE = "event_twice"
    EVENT_LATE = "event_late"
    """The event comes ``late_seconds`` later, others overtake it."""
    EVENT_SWAPPED = "event_swapped"
    """The event changes places with the next one."""
    GARBAGE = "garbage"
    """Bytes that are no AMI come before the event."""
    TORN = "torn"
    """Half of the event comes, then the connection ends."""


AT_ORDER: Final = (
    *(Fault.CUT_BEFORE, Fault.RESTART_BEFORE, Fault.HALF_OPEN, Fault.STALL, Fault.CUT_AFTER),
    *(Fault.RESTART_AFTER, Fault.ACK_LOST, Fault.ACK_LATE, Fault.ACK_TWICE),
)
"""In the order in which they are drawn; the first that hits is the one."""

AT_EVENT: Final = (
    *(Fault.EVENT_LOST, Fault.TORN, Fault.GARBAGE, Fault.EVENT_SWAPPED, Fault.EVENT_LATE),
    Fault.EVENT_TWICE,
)
"""In the order in which they are drawn; the first that hits is the one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """Chance (0 to 1) of each fault per opportunity. Raises :class:`ValueError` outside that."""

    cut_before: float = 0.0
    cut_after: float = 0.0
    ack_lost: float = 0.0
    ack_late: float = 0.0
    ack_twice: float = 0.0
    stall: float = 0.0
    half_open: float = 0.0
    restart_before: float = 0.0
    restart_after: float = 0.0
    event_lost: float = 0.0
    event_twice: float = 0.0
    event_late: float = 0.0
    event_swapped: float = 0.0
    garbage: float = 0.0
    torn: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):
            if not 0 <= getattr(self, one.name) <= 1:
                raise ValueError(
                    f"{one.name} is a chance from 0 to 1, not {getattr(self, one.name)}"
                )

    @classmethod
    def parse(cls, text: str) -> FaultRates:
        """Read ``ack_lost=0.01,event_twice=0.05``. Raises :class:`ValueError`, naming the part."""
        rates: dict[str, float] = {}
        for part in filter(None, (one.strip() for one in text.split(","))):
            name, _, value = part.partition("=")
            if name not in set(Fault):
                raise ValueError(f"no fault is called {name!r}; there are {', '.join(Fault)}")
            try:
                rates[name] = float(value)
            except ValueError:
                raise ValueError(f"{part!r}: give a chance such as {name}=0.01") from None
        return cls(**rates)


class Faults:
    """Decides when a fault happens. The same seed and the same opportunities: the same faults.

    ``late_seconds`` (at most, evenly drawn) and ``stall_seconds`` are real
    seconds; ``events``: only events of these names are touched, empty: all.
    """

    def __init__(
        self,
        rates: FaultRates | None = None,
        *,
        seed: int = 1,
        late_seconds: float = 2.0,
        stall_seconds: float = 3.0,
        events: frozenset[str] = frozenset(),
    ) -> None:
        self._rates = rates or FaultRates()
        self._rng = random.Random(seed)
        self._late = late_seconds
        self._events = events
        self._armed: list[tuple[Fault, str]] = []
        self.stall_seconds = stall_seconds
        self.fired: Counter[Fault] = Counter()

    def arm(self, fault: Fault | str, *, times: int = 1, event: str = "") -> None:
        """Let a fault happen at the next ``times`` opportunities, at an event of this name only."""
        self._armed.extend([(Fault(fault), event)] * times)

    def at_order(self) -> Fault | None:
        """Draw what happens to an Originate that has just come in."""
        return self._draw(AT_ORDER, "")

    def at_event(self, name: str) -> Fault | None:
        """Draw what happens to an event on its way to one session."""
        if self._events and name not in self._events:
            return None
        return self._draw(AT_EVENT, name)

    def delay(self) -> float:
        """Draw how late something is, in real seconds."""
        return self._rng.random() * self._late

    def _draw(self, kinds: tuple[Fault, ...], event: str) -> Fault | None:
        for n, (fault, wanted) in enumerate(self._armed):
            if fault in kinds and wanted in {"", event}:
                del self._armed[n]
                self.fired[fault] += 1
                return fault
        for fault in kinds:
            rate: float = getattr(self._rates, fault.value)
            if rate and self._rng.random() < rate:
                self.fired[fault] += 1
                return fault
        return None
