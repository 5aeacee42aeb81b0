"""Claims callbacks the moment they are due and hands them to the senders.

There is no polling: the next due time is slept on, and whatever makes an earlier one possible - a
new callback, a new plan, a call that ended, a carrier that came back - wakes the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from gateway.app.desk import Desk
from gateway.app.holds import Holds
from gateway.app.ledger import Ledger
from gateway.app.rules import Rules
from gateway.app.sender import Sender
from gateway.app.spec import DispatchSpec, QueueSpec
from gateway.app.strays import Strays
from gateway.app.waiting import sleep_until_woken
from gateway.domain.change import Candidate, Change, Demand
from gateway.domain.errors import StoreError
from gateway.domain.machine import CallbackEvent, LegEvent
from gateway.domain.reserve import Terms, close_callback, decide, put_off
from gateway.ports import Clock, Dialer, Ids, Store

__all__ = ["Dispatcher"]

_log = structlog.get_logger()
_LOOK_AHEAD = 1.0
_TROUBLE_WAIT = 1.0
_JUDGE_AGAIN = 300.0
# While a queue has no carrier, its callbacks' deadlines are looked at this often, in seconds; else
# this often, for the sake of queues that are not configured any more.
_EXPIRY_LOOK = 15.0
_RARE_EXPIRY_LOOK = 3600.0
# While calls wait for room anyway, rooms that become free within this time share one claim.
_ROOM_SPACING = 0.05
# The wall clock is looked at this often while a time is slept on: it may have been set meanwhile.
_LONGEST_SLEEP = 30.0


class Dispatcher:
    """The loop that turns due callbacks into reserved attempts."""

    def __init__(  # noqa: PLR0913 -- collaborators by keyword, built in one place
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        rules: Rules,
        holds: Holds,
        desk: Desk,
        ledger: Ledger,
        dialers: Mapping[str, Dialer],
        senders: Mapping[str, Sender],
        spec: DispatchSpec,
    ) -> None:
        self.paused = ""
        self._store = store
        self._clock = clock
        self._ids = ids
        self._rules = rules
        self._holds = holds
        self._desk = desk
        self._ledger = ledger
        self._dialers = dialers
        self._senders = senders
        self._spec = spec
        self._order = list(rules.queues)
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._slept_until: datetime | None = None
        self._lacked_room = True
        self._expiry_looked = float("-inf")
        self._strays = Strays(store, clock, desk, spec.node)

    def planned(self, due_at: datetime) -> None:
        """Hear of a callback that is due at ``due_at``; wakes the loop only if that is earlier."""
        if self._slept_until is None or due_at < self._slept_until:
            self.wake()

    def room(self) -> None:
        """Hear that a carrier or an agent became free."""
        if self._lacked_room:
            self._wake.set()

    def wake(self) -> None:
        """Look again now."""
        self._wake.set()
        self._urgent.set()

    def pause(self, reason: str) -> None:
        """Reserve nothing more; what is reserved and not sent is given back."""
        self.paused = reason
        for sender in self._senders.values():
            sender.release_all(f"not sent: {reason}")

    async def run(self) -> None:
        """Dispatch until canceled. Cancelable at any await; reserved legs stay in the database."""
        while True:
            self._wake.clear()
            self._urgent.clear()
            self._slept_until = None  # From here on anything new may be missed: wake for it.
            try:
                await self._claim()
                stray = await self._strays.look()
                due = await self._expire(await self._next_due())
            except StoreError as error:
                _log.warning("dispatch.waits", reason=str(error))
                await sleep_until_woken(self._wake, self._clock, _TROUBLE_WAIT)
                continue
            await self._rest(min(filter(None, (due, stray)), default=None))

    async def _rest(self, due: datetime | None) -> None:
        """Sleep until something is due or new."""
        self._slept_until = due
        if due is None:
            await self._wake.wait()
            left = _ROOM_SPACING
        else:
            left = (due - self._clock.now()).total_seconds()
            if left <= 0:
                await self._clock.sleep(self._spec.claim_spacing)
                return
            while left > 0 and not self._wake.is_set():
                await sleep_until_woken(self._wake, self._clock, min(left, _LONGEST_SLEEP))
                left = (due - self._clock.now()).total_seconds()
        if left > 0 and not self._urgent.is_set():
            await sleep_until_woken(self._urgent, self._clock, min(left, _ROOM_SPACING))

    async def _claim(self) -> None:
        """Ask for each queue once, as far as there is room; who was left out is first next time."""
        left = self._line()
        while left:
            demands, agents = self._demands(left)
            if not demands:
                break
            # What these do not need is there for the others: they are asked for next.
            asked = [one.queue for one in demands]
            left = [queue for queue in left if queue.name not in asked]
            self._order = [*(name for name in self._order if name not in asked), *asked]
            await self._reserve(demands, agents)

    def _line(self) -> list[QueueSpec]:
        """Return the queues there are now, who waits longest first."""
        queues = self._rules.queues
        known = [name for name in self._order if name in queues]
        self._order = [*known, *(name for name in queues if name not in known)]
        return [queues[name] for name in self._order]

    async def _reserve(self, demands: Sequence[Demand], agents: Mapping[str, str]) -> None:
        now = self._clock.now()
        terms = Terms(
            now=now,
            node=self._spec.node,
            law=self._rules.law,
            ids=self._ids,
            resolve_after=self._spec.resolve_after,
            epochs={name: one.status().boot_epoch for name, one in self._dialers.items()},
            agents=agents,
        )
        try:
            flights = await self._store.claim(now, demands, lambda one: _judge(one, terms))
        except StoreError:
            self._strays.suspect()
            raise
        for flight in flights:
            self._desk.registry.put(flight)
            why_not = self.paused or self._holds.why(flight.callback.queue)
            if why_not:
                text = f"not sent: {why_not}"
                self._desk.settle(flight.legs[0].id, LegEvent.RELEASE, text=text)
            else:
                self._senders[flight.legs[0].carrier].enqueue(flight.legs[0].id)

    async def _expire(self, due: datetime | None) -> datetime | None:
        """Close what waited in vain until its deadline; returns when to look again.

        Where there is room, the claim itself closes what is past its deadline.
        """
        if self._ledger.trouble:
            return due  # Nothing can be written; when that is over, the ledger wakes the loop.
        every = _EXPIRY_LOOK if self._lacked_room else _RARE_EXPIRY_LOOK
        now, tick = self._clock.now(), self._clock.monotonic()
        if tick >= self._expiry_looked + every:
            self._expiry_looked = tick
            for callback in await self._store.overdue(now):
                reason = f"the deadline passed while {self._in_vain(callback.queue)}"
                self._ledger.write(close_callback(callback, CallbackEvent.EXPIRE, reason, now))
        look = now + timedelta(seconds=self._expiry_looked + every - tick)
        return min(due or look, look)

    def _in_vain(self, queue: str) -> str:
        """Say what a callback of this queue waited for."""
        if queue not in self._rules.queues:
            return "its queue was not configured"
        return self._holds.why(queue) or "no carrier or agent was free"

    async def _next_due(self) -> datetime | None:
        # Each for itself: any of them may be the one that has something due.
        queues = self._rules.queues
        servable = [name for name, queue in queues.items() if self._demands([queue])[0]]
        self._lacked_room = len(servable) < len(queues)
        due = await self._store.next_due(servable) if servable else None
        if due is not None and due <= self._clock.now():
            await self._holds.look()  # It is due and was not given: somebody else may hold it.
        return due

    def _demands(self, queues: Iterable[QueueSpec]) -> tuple[list[Demand], dict[str, str]]:
        """Return what can be taken on now, and the agent for each agent-first queue.

        Room that is offered to one queue is not offered to those after it.
        """
        if self.paused or self._ledger.trouble:
            return [], {}
        demands: list[Demand] = []
        agents: dict[str, str] = {}
        promised: dict[str, int] = {}
        taken: set[str] = set()
        for queue in queues:
            if self._holds.on(queue.name):
                continue
            agent = self._free_agent(queue, taken)
            if queue.agents and agent is None:
                continue
            each = 1 if agent is None else 2  # the agent's call and the contact's
            carrier, room = self._room(queue.carriers, promised, each)
            if carrier is None:
                continue
            if agent is not None:
                agents[queue.name] = agent
                taken.add(agent)
                room = 1
            promised[carrier] = promised.get(carrier, 0) + room * each
            demands.append(Demand(queue=queue.name, carrier=carrier, limit=room))
        return demands, agents

    def _free_agent(self, queue: QueueSpec, taken: set[str]) -> str | None:
        for agent in queue.agents:
            if agent not in taken and not self._desk.registry.agent_in_use(agent):
                return agent
        return None

    def _room(
        self, carriers: Sequence[str], promised: Mapping[str, int], each: int
    ) -> tuple[str | None, int]:
        """Return the first usable carrier with room, and how many attempts it can take on.

        ``each`` calls are needed for an attempt. Not more than it can send within a second, so
        that reservations stay fresh.
        """
        for name in carriers:
            dialer = self._dialers.get(name)
            if dialer is None or not dialer.status().up:
                continue
            limits = dialer.limits
            free = limits.concurrent_calls - self._desk.registry.in_use(name)
            free -= promised.get(name, 0)
            ahead = max(1, int(limits.calls_per_second * _LOOK_AHEAD), limits.burst)
            room = min(free // each, ahead - self._senders[name].backlog)
            if room > 0:
                return name, room
        return None, 0


def _judge(candidate: Candidate, terms: Terms) -> Change:
    """Decide about a candidate; one that cannot be judged is not called, and holds up nobody."""
    try:
        return decide(candidate, terms)
    except Exception as error:  # noqa: BLE001 -- broken rule data of any kind means: do not call
        callback = candidate.callback
        kind = type(error).__name__
        _log.error("dispatch.not_judged", callback_id=callback.id, error=kind)
        again = terms.now + timedelta(seconds=_JUDGE_AGAIN)
        return put_off(callback, again, f"the rules could not be applied ({kind})", terms.now)
