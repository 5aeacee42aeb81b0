"""Events and the way they take: channel news through a queue of their own, answers directly.

In Asterisk an OriginateResponse is handed to the AMI sessions at once, while
what happens to channels travels through the message bus. So there is no order
between the two, but a strict one among the news of one call. A lane is such an
order; the disorder between lane and answer is drawn from a seed.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from dataclasses import dataclass, field
from typing import Final, Protocol

from adapters.lab.simpbx.users import AGENT, CALL, DIALPLAN, SYSTEM, privilege
from adapters.lab.simpbx.wire import encode

# Mean values of exponential distributions, in seconds. Their ratio is what counts: measured live
# on 200 calls answered at once, 35 % of the answers came before Newchannel, 56 % before
# DialBegin, 65 % before Newstate Up; here 34, 50 and 59 %.
NEWS_DELAY: Final = 0.000_4
ANSWER_DELAY: Final = 0.000_6
# Both fall behind when much happens at once: so much longer for each event that waits.
BACKLOG: Final = 0.01

_RIGHTS: Final = {"Newexten": DIALPLAN, "VarSet": DIALPLAN, "Shutdown": SYSTEM}


def rights_of(name: str) -> int:
    """Return the classes a reader must hold to see events of this name."""
    return AGENT if name.startswith(("Queue", "Agent")) else _RIGHTS.get(name, CALL)


@dataclass(slots=True)
class Event:
    """One event: ``body`` is made of its ready header lines; ``at`` is Unix time in seconds."""

    name: str
    body: str
    at: float = field(default_factory=time.time)
    _payload: bytes = b""

    @property
    def payload(self) -> bytes:
        """The message as it goes onto the wire."""
        if not self._payload:
            self._payload = encode(
                f"Event: {self.name}\r\nPrivilege: {privilege(rights_of(self.name))}\r\n"
                f"Timestamp: {self.at:.6f}\r\n{self.body}\r\n"
            )
        return self._payload


@dataclass(slots=True)
class Lane:
    """The order of the news of one call: ``due`` (loop time) of the last that was said."""

    due: float = 0.0


class Listener(Protocol):
    """An AMI session, as the bus sees it."""

    def wants(self, name: str) -> bool:
        """Tell whether any event of this name could be let through."""
        ...

    def offer(self, event: Event) -> None:
        """Deliver an event unless rights or filters keep it back."""
        ...


class Bus:
    """Carries events to the sessions. ``disorder`` scales the delays; 0: strictly in order."""

    def __init__(self, rng: random.Random, *, disorder: float = 1.0) -> None:
        self._loop = asyncio.get_running_loop()
        self._rng = rng
        self._disorder = disorder
        self._listeners: list[Listener] = []
        self._wanted: dict[str, bool] = {}
        self._waiting: list[tuple[float, int, Event]] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def join(self, listener: Listener) -> None:
        """Let a session listen from now on."""
        self._listeners.append(listener)
        self._wanted.clear()

    def leave(self, listener: Listener) -> None:
        """Forget a session; no error if it is not there."""
        if listener in self._listeners:
            self._listeners.remove(listener)
        self._wanted.clear()

    def wanted(self, name: str) -> bool:
        """Tell whether anybody could see events of this name, to spare building them."""
        known = self._wanted.get(name)
        if known is None:
            known = self._wanted[name] = any(one.wants(name) for one in self._listeners)
        return known

    def news(self, lane: Lane, name: str, body: str) -> None:
        """Say something about a channel, after everything said in this lane before."""
        lane.due = max(lane.due, self._soon(NEWS_DELAY))
        self._put(lane.due, Event(name, body))

    def answer(self, name: str, body: str) -> float:
        """Say something past the queue; return when (loop time) it will be out."""
        due = self._soon(ANSWER_DELAY)
        self._put(due, Event(name, body))
        return due

    def close(self) -> None:
        """Drop everything that was not delivered."""
        self._waiting.clear()
        self._listeners.clear()
        self._wanted.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _soon(self, mean: float) -> float:
        if not self._disorder:
            return self._loop.time()
        late = mean * self._disorder * (1 + BACKLOG * len(self._waiting))
        return self._loop.time() + self._rng.expovariate(1.0) * late

    def _put(self, due: float, event: Event) -> None:
        self._count += 1
        heapq.heappush(self._waiting, (due, self._count, event))
        if self._timer is None or self._timer.when() > due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._deliver)

    def _deliver(self) -> None:
        self._timer = None
        now = self._loop.time() + 0.000_1
        while self._waiting and self._waiting[0][0] <= now:
            event = heapq.heappop(self._waiting)[2]
            for listener in tuple(self._listeners):
                listener.offer(event)
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._deliver)
