"""The running gateway: every part started, watched, drained and stopped in one task group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from gateway.app.desk import Desk
from gateway.app.dispatch import Dispatcher
from gateway.app.holds import Holds
from gateway.app.intake import Intake
from gateway.app.ledger import Ledger
from gateway.app.marks import Marks
from gateway.app.office import Office
from gateway.app.reasons import CarrierView, Standing
from gateway.app.registry import Registry
from gateway.app.resolve import Resolver
from gateway.app.rules import Rules
from gateway.app.sender import Sender
from gateway.app.spec import DispatchSpec, QueueSpec
from gateway.app.track import track
from gateway.app.waiting import within
from gateway.domain.errors import LoginRefused
from gateway.domain.model import Flight, Leg, Role
from gateway.domain.records import Hold
from gateway.domain.windows import Law
from gateway.ports import CarrierStatus, Clock, Dialer, Ids, Planner, Store

__all__ = ["Gateway", "Health", "Parts"]

_log = structlog.get_logger()
_LAST_WRITES = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a gateway is made of; built by the composition root or by a test."""

    store: Store
    clock: Clock
    ids: Ids
    planner: Planner
    law: Law
    dialers: Mapping[str, Dialer]
    queues: Mapping[str, QueueSpec]
    spec: DispatchSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the gateway stands: carriers, trouble with the database, calls open now, holds."""

    carriers: tuple[CarrierStatus, ...]
    database_trouble: str
    open_attempts: int
    refused: tuple[str, ...]
    holds: tuple[Hold, ...] = ()


class Gateway:
    """The application. :meth:`run` is its whole life."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._group: asyncio.TaskGroup | None = None
        self._refused: dict[str, str] = {}
        self._drained = asyncio.Event()
        self._side_tasks: set[asyncio.Task[None]] = set()
        self.registry = Registry(self._room)
        self.rules = Rules(parts.planner, parts.law, parts.queues)
        self.holds = Holds(store=parts.store, clock=parts.clock, rules=self.rules)
        self._ledger = Ledger(parts.store, parts.clock, self._wake)
        self.desk = Desk(
            store=parts.store,
            clock=parts.clock,
            rules=self.rules,
            registry=self.registry,
            ledger=self._ledger,
            spawn=self._spawn,
        )
        self.resolver = Resolver(
            desk=self.desk, clock=parts.clock, dialers=parts.dialers, spec=parts.spec
        )
        self.senders = {name: self._sender(one) for name, one in parts.dialers.items()}
        self.dispatcher = Dispatcher(
            store=parts.store,
            clock=parts.clock,
            ids=parts.ids,
            rules=self.rules,
            holds=self.holds,
            desk=self.desk,
            ledger=self._ledger,
            dialers=parts.dialers,
            senders=self.senders,
            spec=parts.spec,
        )
        self._marks = Marks(self.desk, self._start_hang_up)
        self._wire()

    def _wire(self) -> None:
        """Let the parts hear of each other."""
        self.desk.on_planned = self.dispatcher.planned
        self.desk.on_hang_up = self._hang_up
        self.desk.on_customer_leg = self._customer_leg
        self.holds.on_hold = self._release_held
        self.holds.on_resume = self._wake
        self.holds.last_orders = self._last_orders

    def planned(self, due_at: datetime) -> None:
        """Hear of a new callback, so that its time is slept on."""
        self.dispatcher.planned(due_at)

    def connect_intake(self, intake: Intake) -> None:
        """Let a new callback wake the dispatcher, and the intake go by the rules in force."""
        intake.on_due = self.planned
        intake.go_by(self.rules)

    def connect(self, office: Office) -> None:
        """Let what people ask for reach the calls; the office must hold this gateway's holds."""
        self.connect_intake(office.intake)
        office.amendments.on_due = self.planned
        office.amendments.on_amended = self._marks.set
        office.interactions.on_change = self._marks.set
        office.why.standing = self.standing

    def reload(self, planner: Planner, law: Law, queues: Mapping[str, QueueSpec]) -> None:
        """Go by these rules from now on, all at once; calls under way go on.

        Carriers stay as they are. Callbacks of a queue that is gone wait until it is configured
        again or their deadline passes; a leg of it that was not sent yet is given back.
        """
        self.rules.replace(planner, law, queues)
        _log.info("rules.replaced", queues=sorted(queues))
        self._wake()

    def health(self) -> Health:
        """Tell how the gateway stands now."""
        return Health(
            carriers=tuple(one.status() for one in self._parts.dialers.values()),
            database_trouble=self._ledger.trouble,
            open_attempts=len(self.registry),
            refused=tuple(f"{name}: {why}" for name, why in self._refused.items()),
            holds=tuple(self.holds.standing()),
        )

    def standing(self) -> Standing:
        """Tell what could keep calls from being made."""
        busy = {leg.target for one in self.registry for leg in one.legs if _is_busy_agent(leg)}
        return Standing(
            carriers={
                name: CarrierView(
                    status=one.status(),
                    room=one.limits.concurrent_calls - self.registry.in_use(name),
                    refused=self._refused.get(name, ""),
                )
                for name, one in self._parts.dialers.items()
            },
            busy_agents=frozenset(busy),
            database_trouble=self._ledger.trouble,
            stopping=self.dispatcher.paused,
        )

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None] = lambda: None) -> None:
        """Run until ``stop`` is set, then drain and leave. The store must be open.

        Raises LoginRefused when no carrier is left that lets us in; any defect in a part ends
        the whole (the database holds every state, a restart resolves it).
        """
        await self.holds.refresh()
        for flight in await self._parts.store.open_flights(self._parts.spec.node):
            self.registry.put(flight)
        async with asyncio.TaskGroup() as group:
            self._group = group
            tasks = [
                group.create_task(coroutine, name=name)
                for name, coroutine in self._coroutines(stop).items()
            ]
            self.resolver.resume()
            on_ready()
            await stop.wait()
            await self._drain()
            for task in (*tasks, *self._side_tasks):
                task.cancel()
        self._group = None
        if self._refused and len(self._refused) == len(self._parts.dialers):
            raise LoginRefused("; ".join(self.health().refused))

    def _coroutines(self, stop: asyncio.Event) -> dict[str, Coroutine[Any, Any, None]]:
        parts = {
            "ledger": self._ledger.run(),
            "resolver": self.resolver.run(),
            "dispatcher": self.dispatcher.run(),
            "holds": self.holds.run(),
        }
        for name, dialer in self._parts.dialers.items():
            parts[f"link:{name}"] = self._link(dialer, stop)
            parts[f"track:{name}"] = track(dialer, self.desk, self.resolver, self.dispatcher.wake)
            parts[f"send:{name}"] = self.senders[name].run()
        return parts

    async def _link(self, dialer: Dialer, stop: asyncio.Event) -> None:
        try:
            await dialer.run()
        except LoginRefused as error:
            _log.error("carrier.login_refused", carrier=dialer.name, reason=str(error))
            self._refused[dialer.name] = str(error)
            if len(self._refused) == len(self._parts.dialers):
                stop.set()

    async def _drain(self) -> None:
        """Give back what was not sent, let open calls end for a while, write everything."""
        self.dispatcher.pause("the gateway is stopping")
        _log.info("gateway.draining", open_attempts=len(self.registry))
        clock = self._parts.clock
        if not await within(clock, self._parts.spec.drain, self._all_ended()):
            _log.warning("gateway.left_open", open_attempts=len(self.registry))
        if not await within(clock, _LAST_WRITES, self._settled()):
            _log.error("gateway.unwritten", reason=self._ledger.trouble or "the database is slow")

    async def _all_ended(self) -> None:
        while len(self.registry):
            self._drained.clear()
            await self._drained.wait()

    async def _settled(self) -> None:
        """Wait for what is under way and still writes."""
        while self._side_tasks:
            await asyncio.wait(set(self._side_tasks))
        await self._ledger.flushed()

    def _sender(self, dialer: Dialer) -> Sender:
        sender = Sender(
            dialer=dialer,
            store=self._parts.store,
            clock=self._parts.clock,
            ids=self._parts.ids,
            desk=self.desk,
            rules=self.rules,
            holds=self.holds,
            spec=self._parts.spec,
            spawn=self._spawn,
        )
        sender.on_doubt = self.resolver.doubt
        sender.on_sent = self._room
        return sender

    def _spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        if self._group is None:
            coroutine.close()
            return
        task = self._group.create_task(coroutine, name=name)
        self._side_tasks.add(task)
        task.add_done_callback(self._side_tasks.discard)

    def _customer_leg(self, flight: Flight, agent_channel: str) -> None:
        carrier = flight.legs[-1].carrier
        self.senders[carrier].add_customer_leg(flight, agent_channel)

    async def _hang_up(self, leg: Leg) -> None:
        sender = self.senders.get(leg.carrier)
        if sender is not None:
            await sender.hang_up(leg)

    def _start_hang_up(self, leg: Leg) -> None:
        self._spawn(self._hang_up(leg), "hang-up")

    def _release_held(self) -> None:
        for sender in self.senders.values():
            sender.release_held()

    async def _last_orders(self) -> None:
        for sender in self.senders.values():
            await sender.last_orders()

    def _room(self) -> None:
        self.dispatcher.room()
        self._drained.set()

    def _wake(self) -> None:
        self.dispatcher.wake()


def _is_busy_agent(leg: Leg) -> bool:
    return leg.is_open and leg.role is Role.AGENT
