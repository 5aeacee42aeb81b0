"""From a reserved leg to one write on the wire: pace, write ahead, send once.

One sender per carrier. A leg leaves here in one of four ways: sent (news will follow), released
(never written), refused (the carrier said no), or in doubt (the resolver decides).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from gateway.app.desk import Desk
from gateway.app.holds import Holds
from gateway.app.rules import Rules
from gateway.app.spec import DispatchSpec
from gateway.domain.disposition import Disposition
from gateway.domain.errors import DialError, NotSent, Refused, StoreError
from gateway.domain.machine import LegEvent, LegState
from gateway.domain.model import Flight, Leg, Role
from gateway.domain.pacing import Bucket, take, wait_for_token
from gateway.domain.windows import Closed
from gateway.ports import Clock, Dialer, DialOrder, Ids, Store

__all__ = ["Sender"]

_log = structlog.get_logger()

# While legs wait for their turn anyway, the turns within this time share one write-ahead.
_GATHER = 0.05

Spawn = Callable[[Coroutine[Any, Any, None], str], None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    leg_id: str
    bridge_to: str


class Sender:
    """Feeds one carrier at the pace it takes. Its queue is bounded by the calls it may have."""

    def __init__(  # noqa: PLR0913 -- collaborators by keyword, built in one place
        self,
        *,
        dialer: Dialer,
        store: Store,
        clock: Clock,
        ids: Ids,
        desk: Desk,
        rules: Rules,
        holds: Holds,
        spec: DispatchSpec,
        spawn: Spawn,
    ) -> None:
        self.on_doubt: Callable[[str], None] = lambda _leg_id: None
        self.on_sent: Callable[[], None] = lambda: None
        self._dialer = dialer
        self._store = store
        self._clock = clock
        self._ids = ids
        self._desk = desk
        self._rules = rules
        self._holds = holds
        self._spec = spec
        self._spawn = spawn
        self._waiting: deque[_Waiting] = deque()
        self._news = asyncio.Event()
        self._handing_over = 0
        self._handed_over = asyncio.Event()
        self._bucket = Bucket(float(dialer.limits.burst), clock.monotonic())

    @property
    def backlog(self) -> int:
        """How many reserved legs wait for their turn."""
        return len(self._waiting)

    def enqueue(self, leg_id: str, bridge_to: str = "") -> None:
        """Send this reserved leg when its turn comes."""
        self._waiting.append(_Waiting(leg_id, bridge_to))
        self._news.set()

    def release_all(self, why: str) -> None:
        """Give back every leg that was not written yet."""
        while self._waiting:
            waiting = self._waiting.popleft()
            self._desk.settle(waiting.leg_id, LegEvent.RELEASE, text=why)

    def release_held(self) -> None:
        """Give back every leg that was not written yet and whose queue is held."""
        waiting, self._waiting = self._waiting, deque()
        for one in waiting:
            flight = self._desk.registry.of_leg(one.leg_id)
            held = self._holds.why(flight.callback.queue) if flight else ""
            if held:
                self._desk.settle(one.leg_id, LegEvent.RELEASE, text=f"not sent: {held}")
            else:
                self._waiting.append(one)

    async def last_orders(self) -> None:
        """Wait until the carrier took or refused every order it is being handed now."""
        while self._handing_over:
            self._handed_over.clear()
            await self._handed_over.wait()

    async def run(self) -> None:
        """Send what is queued, in order, until canceled. Cancelable at any await."""
        while True:
            if not self._waiting:
                self._news.clear()
                await self._news.wait()
                continue
            wait = wait_for_token(self._bucket, self._dialer.limits, self._clock.monotonic())
            if wait > 0:
                await self._clock.sleep(max(wait, self._patience()))
                continue
            await self._send_next()

    def _patience(self) -> float:
        """Return for how long tokens may gather, so that legs that wait share one write-ahead.

        Only where more than one waits, and never so long that a token of the burst is lost.
        """
        limits = self._dialer.limits
        if len(self._waiting) == 1:
            return 0.0
        return min(_GATHER, (limits.burst - 1) / limits.calls_per_second)

    async def _send_next(self) -> None:
        batch: list[_Waiting] = []
        now = self._clock.monotonic()
        while self._waiting and wait_for_token(self._bucket, self._dialer.limits, now) <= 0:
            waiting = self._waiting.popleft()
            why_not = self._objection(waiting)
            if why_not:
                self._desk.settle(waiting.leg_id, LegEvent.RELEASE, text=why_not)
                continue
            self._bucket = take(self._bucket, self._dialer.limits, now)
            batch.append(waiting)
        if batch:
            await self._write_ahead(batch)
        self.on_sent()

    async def _write_ahead(self, batch: list[_Waiting]) -> None:
        at, after = self._clock.now(), self._spec.resolve_after
        ids = [one.leg_id for one in batch]
        self._desk.write_ahead(ids)
        try:
            granted = await self._store.start_sending(ids, at)
        except StoreError as error:
            # Whether SENDING was committed is not known; that nothing was written is.
            for leg_id in ids:
                self._desk.sending(leg_id, at, after, why_not=f"not sent: {error}")
            return
        for one in batch:
            if one.leg_id not in granted:
                text = "not sent: canceled, or on the do-not-call list since it was reserved"
                self._desk.not_granted(one.leg_id, text)
                continue
            flight = self._desk.sending(one.leg_id, at, after, why_not=self._withdrawn(one.leg_id))
            if flight is not None:
                order = self._order(flight, flight.leg(one.leg_id), one.bridge_to)
                self._spawn(self._originate(order), "originate")

    def _withdrawn(self, leg_id: str) -> str:
        """Return why a leg cannot be sent though the database granted it; empty if it can."""
        flight = self._desk.registry.of_leg(leg_id)
        if flight is None or flight.callback.queue in self._rules.queues:
            return ""
        return f"not sent: its queue {flight.callback.queue} is not configured"

    def _objection(self, waiting: _Waiting) -> str:
        """Return why a reserved leg may not be sent after all; empty if it may."""
        flight = self._desk.registry.of_leg(waiting.leg_id)
        if flight is None:
            return "not sent: its attempt is over"
        leg, callback, now = flight.leg(waiting.leg_id), flight.callback, self._clock.now()
        status = self._dialer.status()
        verdict = self._rules.law.allows(flight.contact, callback.queue, now, callback.wishes)
        agents = [one for one in flight.legs if one.role is Role.AGENT]
        agent_left = leg.role is Role.CUSTOMER and agents and not any(a.is_open for a in agents)
        objections = {
            f"{status.name} is down ({status.reason})": not status.up,
            f"{status.name} was restarted": status.boot_epoch != leg.boot_epoch,
            self._holds.why(callback.queue): True,  # empty if there is none
            f"its queue {callback.queue} is not configured": callback.queue
            not in self._rules.queues,
            "the contact was reached already": callback.answered_late,
            "canceled on request": callback.cancel_requested,
            "the deadline passed": now > callback.deadline,
            getattr(verdict, "reason", ""): isinstance(verdict, Closed),
            "the agent hung up": agent_left,
        }
        return next((f"not sent: {why}" for why, so in objections.items() if why and so), "")

    def _order(self, flight: Flight, leg: Leg, bridge_to: str) -> DialOrder:
        queue = self._rules.queues[flight.callback.queue]
        route = queue.hold_route if leg.role is Role.AGENT else queue.route
        return DialOrder(
            leg_id=leg.id,
            role=leg.role,
            target=leg.target,
            queue=queue.name,
            route=route,
            ring_timeout=queue.ring_timeout,
            bridge_to=bridge_to,
        )

    async def _originate(self, order: DialOrder) -> None:
        held = self._holds.why(order.queue)
        if held:
            text = f"not sent: {held}"
            self._desk.settle(order.leg_id, LegEvent.PROVE_NOT_PLACED, text=text)
            return
        self._handing_over += 1
        try:
            await self._hand_over(order)
        finally:
            self._handing_over -= 1
            self._handed_over.set()

    async def _hand_over(self, order: DialOrder) -> None:
        try:
            await self._dialer.originate(order)
        except NotSent as error:
            text = f"not sent: {error}"
            self._desk.settle(order.leg_id, LegEvent.PROVE_NOT_PLACED, text=text)
        except Refused as error:
            self._desk.settle(
                order.leg_id,
                LegEvent.PROVE_NOT_PLACED,
                text=f"refused by {self._dialer.name}: {error}",
                disposition=Disposition.FAILED,
            )
        except DialError as error:
            _log.warning("leg.in_doubt", leg_id=order.leg_id, reason=str(error))
            self.on_doubt(order.leg_id)

    def add_customer_leg(self, flight: Flight, agent_channel: str) -> None:
        """Call the contact of an agent-first flight whose agent is on the phone now."""
        now = self._clock.now()
        leg = Leg(
            id=self._ids.leg_id(),
            attempt_id=flight.attempt.id,
            callback_id=flight.callback.id,
            n=len(flight.legs) + 1,
            role=Role.CUSTOMER,
            carrier=self._dialer.name,
            target=flight.attempt.number,
            state=LegState.RESERVED,
            node=self._spec.node,
            reserved_at=now,
            resolve_by=now + timedelta(seconds=self._spec.resolve_after),
            boot_epoch=self._dialer.status().boot_epoch,
        )
        self._desk.add_leg(flight, leg, "the agent is on the phone: now calling the contact")
        self.enqueue(leg.id, agent_channel)

    async def hang_up(self, leg: Leg) -> None:
        """End a leg; a failure is left to the resolver."""
        try:
            await self._dialer.hang_up(leg.id, leg.channel)
        except DialError as error:
            _log.warning("leg.hang_up_failed", leg_id=leg.id, reason=str(error))
