"""The one place where open attempts change: news, decisions, effects, and their record.

Dispatcher, tracker and resolver all come here, so that a flight's form in memory, its rows and the
orders that follow from a change never part ways. Runs on one event loop; no method awaits between
reading a flight and keeping its new form.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import structlog

from gateway.app.ledger import Ledger
from gateway.app.outcome import conclusion, late_upgrade
from gateway.app.registry import Registry
from gateway.app.rules import Rules
from gateway.app.wording import describe
from gateway.domain.change import Change
from gateway.domain.disposition import Disposition
from gateway.domain.errors import Conflict, IllegalTransition, StoreUnavailable
from gateway.domain.events import CallEvent, CallNews
from gateway.domain.flight import (
    Effect,
    HangUp,
    StartCustomerLeg,
    advance,
    is_over,
    owed,
    settle_leg,
)
from gateway.domain.machine import LegEvent, LegState, step_leg
from gateway.domain.model import Evidence, Flight, Leg, Role, Step
from gateway.ports import Clock, Store

__all__ = ["Desk"]

_log = structlog.get_logger()
_LATE_TRIES, _LATE_WAIT = 3, 1.0
Spawn = Callable[[Coroutine[Any, Any, None], str], None]


class Desk:
    """Applies news and decisions to flights. ``spawn`` starts a supervised, named task."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        rules: Rules,
        registry: Registry,
        ledger: Ledger,
        spawn: Spawn,
    ) -> None:
        self.registry = registry
        self.on_planned: Callable[[datetime], None] = lambda _due: None
        self.on_hang_up: Callable[[Leg], Awaitable[None]] = _nobody
        self.on_customer_leg: Callable[[Flight, str], None] = lambda _flight, _channel: None
        self._store = store
        self._clock = clock
        self._rules = rules
        self._ledger = ledger
        self._spawn = spawn
        self._closing: dict[str, asyncio.Event] = {}
        self._log = _log.bind()  # put together once, not for each of several lines a call
        self._written_ahead: dict[str, str] = {}
        self._unwritten: dict[str, tuple[Step, ...]] = {}

    def news(self, event: CallEvent) -> None:
        """Take one piece of news about a leg, whatever its order and however often it comes."""
        flight = self.registry.of_leg(event.leg_id)
        if flight is None:
            if event.news not in {CallNews.ACCEPTED, CallNews.RINGING}:
                self._late(event)
            return
        queue = self._rules.queues.get(flight.callback.queue)
        needs_agent = queue.needs_agent if queue else True
        max_talk = queue.max_talk if queue else 0.0
        moved, effects = advance(flight, event, needs_agent=needs_agent, max_talk=max_talk)
        if moved == flight:
            return
        self._apply(moved, moved.leg(event.leg_id), effects, event.news.value, event.at)

    def write_ahead(self, leg_ids: Iterable[str]) -> None:
        """Note that these legs are being written ahead: from here on they cannot be released.

        A release that is wanted meanwhile waits for :meth:`sending`, which then says no.
        """
        self._written_ahead.update(dict.fromkeys(leg_ids, ""))

    def not_granted(self, leg_id: str, text: str) -> None:
        """Release a leg whose write-ahead the store refused."""
        self._written_ahead.pop(leg_id, None)
        self.settle(leg_id, LegEvent.RELEASE, text=text)

    def sending(
        self, leg_id: str, now: datetime, resolve_after: float, *, why_not: str = ""
    ) -> Flight | None:
        """Note that a leg's write-ahead is (or may be) durable; returns its flight if it may go.

        With ``why_not``, or a release that was wanted meanwhile, it is closed as not placed: its
        row says SENDING, but we know that nothing was written to the wire.
        """
        why_not = self._written_ahead.pop(leg_id, "") or why_not
        flight = self.registry.of_leg(leg_id)
        if flight is None or flight.leg(leg_id).state is not LegState.RESERVED:
            return None
        leg = flight.leg(leg_id)
        resolve_by = now + timedelta(seconds=resolve_after)
        state = step_leg(leg.state, LegEvent.SEND)
        sent = replace(leg, state=state, sending_at=now, resolve_by=resolve_by)
        attempt = flight.attempt
        if sent.role is Role.CUSTOMER and attempt.placed_at is None:
            attempt = replace(attempt, placed_at=now)
        flight = replace(flight, attempt=attempt, legs=_with(flight, sent))
        self.registry.put(flight)
        if why_not:
            self.settle(leg_id, LegEvent.PROVE_NOT_PLACED, text=why_not)
            return None
        return flight

    def settle(
        self,
        leg_id: str,
        event: LegEvent,
        *,
        text: str,
        disposition: Disposition | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        """Close a leg by decision: released, refused, proved not placed, or given up.

        A decision that what was heard speaks against (a leg that rang was placed) is not taken.
        """
        flight = self.registry.of_leg(leg_id)
        if flight is None or not flight.leg(leg_id).is_open:
            return
        if event is LegEvent.RELEASE and leg_id in self._written_ahead:
            self._written_ahead[leg_id] = text
            return
        now = self._clock.now()
        evidence = evidence or Evidence(source="gateway", reason=text)
        try:
            leg = settle_leg(
                flight.leg(leg_id), event, now, disposition=disposition, evidence=evidence
            )
        except IllegalTransition as error:
            _log.warning("leg.contradiction", leg_id=leg_id, reason=str(error), claimed=text)
            return
        flight = replace(flight, legs=_with(flight, leg))
        self._apply(flight, leg, owed(flight), leg.state.lower(), now, text)

    def add_leg(self, flight: Flight, leg: Leg, text: str) -> None:
        """Reserve one more leg of an open attempt."""
        flight = replace(flight, legs=(*flight.legs, leg))
        self._apply(flight, leg, (), "reserved", leg.reserved_at, text)

    def note(
        self, leg_id: str, kind: str, text: str, *, only: bool = False, **changes: Any
    ) -> None:
        """Change details of an open leg (not its state) and say why in the journal.

        Whatever the flight still needs done is done now, for it may have been lost in a restart,
        unless this is to be the ``only`` thing.
        """
        flight = self.registry.of_leg(leg_id)
        if flight is None:
            return
        leg = replace(flight.leg(leg_id), **changes)
        flight = replace(flight, legs=_with(flight, leg))
        effects = () if only else owed(flight)
        self._apply(flight, leg, effects, kind, self._clock.now(), text)

    def _apply(
        self,
        flight: Flight,
        leg: Leg,
        effects: tuple[Effect, ...],
        kind: str,
        at: datetime,
        text: str = "",
    ) -> None:
        step = Step(
            callback_id=leg.callback_id,
            attempt_id=leg.attempt_id,
            leg_id=leg.id,
            at=at,
            kind=kind,
            text=text or describe(leg),
            data={"role": leg.role.value},
        )
        steps = (*self._unwritten.pop(leg.id, ()), step)
        if is_over(flight):
            steps = (*chain(*(self._unwritten.pop(one.id, ()) for one in flight.legs)), *steps)
            self.registry.drop(flight)
            self._closing[flight.callback.id] = asyncio.Event()
            self._spawn(self._conclude(flight, leg, steps), "conclude")
        else:
            self.registry.put(flight)
            if kind == CallNews.ACCEPTED:
                # Nobody misses it after a crash: it is written together with what follows it.
                self._unwritten[leg.id] = steps
            else:
                self._ledger.write(Change(at=at, legs=(leg,), steps=steps))
            self._log.debug(f"leg.{kind}", callback_id=leg.callback_id, leg_id=leg.id)
        for effect in effects:
            self._carry_out(flight, effect)

    async def _conclude(self, flight: Flight, last: Leg, steps: tuple[Step, ...]) -> None:
        now = self._clock.now()
        closed, change = await conclusion(flight, now, self._rules.planner, (last,), steps)
        for leg in closed.legs:
            self.registry.remember(leg, closed)
        self._ledger.write(change)
        self._closing.pop(flight.callback.id).set()
        callback = closed.callback
        self._log.info(
            "callback.moved",
            callback_id=callback.id,
            leg_id=last.id,
            carrier=last.carrier,
            state=callback.state.value,
            attempt=closed.attempt.n,
            disposition=closed.attempt.disposition and closed.attempt.disposition.value,
            reason=callback.state_reason,
        )
        if callback.due_at is not None:
            self.on_planned(callback.due_at)

    def _carry_out(self, flight: Flight, effect: Effect) -> None:
        match effect:
            case StartCustomerLeg(agent_channel=channel):
                self.on_customer_leg(flight, channel)
            case HangUp(leg_id=leg_id) if flight.leg(leg_id).state is LegState.RESERVED:
                text = "not sent: nobody is left to talk to the contact"
                self.settle(leg_id, LegEvent.RELEASE, text=text)
            case HangUp(leg_id=leg_id):
                self._spawn(self._hang_up(flight.leg(leg_id)), "hang-up")

    async def _hang_up(self, leg: Leg) -> None:
        await self.on_hang_up(leg)

    def _late(self, event: CallEvent) -> None:
        past = self.registry.past_of_leg(event.leg_id)
        if past is not None and self._learnt(past, event) is None:
            return
        self._spawn(self._learn_late(event), "late-news")

    def _learnt(self, flight: Flight, event: CallEvent) -> Leg | None:
        """Return the leg as late news leaves it, or None if it says nothing new."""
        queue = self._rules.queues.get(flight.callback.queue)
        needs_agent = queue.needs_agent if queue else True
        leg = advance(flight, event, needs_agent=needs_agent, max_talk=0.0)[0].leg(event.leg_id)
        return None if leg == flight.leg(event.leg_id) else leg

    async def _learn_late(self, event: CallEvent) -> None:
        """Upgrade a closed attempt from late news, on top of what is stored by now."""
        tries = 0
        while tries < _LATE_TRIES:
            past = self.registry.past_of_leg(event.leg_id)
            if past is not None and past.callback.id in self._closing:
                await self._closing[past.callback.id].wait()
            await self._ledger.flushed()
            try:
                flight = await self._store.flight_of_leg(event.leg_id)
                leg = self._learnt(flight, event) if flight else None
                if flight is None or leg is None or flight.attempt.closed_at is None:
                    return
                change = late_upgrade(flight, leg, self._clock.now())
                await self._store.submit(change)
            except Conflict:
                tries += 1
            except StoreUnavailable:
                await self._clock.sleep(_LATE_WAIT)
            else:
                self._took_upgrade(flight, leg, change)
                return
        _log.warning("late_news.lost", leg_id=event.leg_id)

    def _took_upgrade(self, flight: Flight, leg: Leg, change: Change) -> None:
        open_now = self.registry.of_callback(flight.callback.id)
        if open_now is not None and change.callback is not None:
            self.registry.put(replace(open_now, callback=change.callback))
        self.registry.remember(leg, replace(flight, legs=_with(flight, leg)))


def _with(flight: Flight, leg: Leg) -> tuple[Leg, ...]:
    return tuple(leg if one.id == leg.id else one for one in flight.legs)


async def _nobody(_leg: Leg) -> None:
    """Hang up nothing: replaced by the sender."""
