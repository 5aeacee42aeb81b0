"""A whole gateway on a manual clock, in memory: for tests of what the application does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from weakref import WeakKeyDictionary

from adapters.memory import ManualClock, MemoryDialer, MemoryStore
from gateway.app.intake import CallbackRequest, Intake
from gateway.app.office import Office
from gateway.app.service import Gateway, Parts
from gateway.app.spec import DispatchSpec, QueueSpec
from gateway.bootstrap.office import build_office
from gateway.domain.change import Added, Stop
from gateway.domain.disposition import Disposition
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackEvent
from gateway.domain.model import Leg, Plan, Role
from gateway.domain.windows import CountryRule, Hours, Law
from gateway.ports import History, NumberFacts, PlanQuestion, Store
from tests.support.builders import Counter, NoHolidays

__all__ = ["ALWAYS", "Everywhere", "Harness", "PlainPlanner", "gateway_of"]

ALWAYS = CountryRule(
    weekly={day: (Hours(0, 1440),) for day in range(7)},
    holidays=(Hours(0, 1440),),
    cap_day=20,
    cap_week=50,
    min_gap=10.0,
)


class PlainPlanner:
    """Plans at once, then every ``gap`` seconds, ``attempts`` times."""

    def __init__(self, gap: float = 60.0, attempts: int = 3) -> None:
        self.gap = gap
        self.attempts = attempts
        self.questions: list[PlanQuestion] = []

    async def plan(self, question: PlanQuestion) -> Plan | Stop:
        self.questions.append(question)
        if question.callback.used >= self.attempts:
            return Stop(event=CallbackEvent.EXHAUST, reason="attempts used up")
        last = question.history[-1] if question.history else None
        wait = 0.0 if last is None or last.disposition is None else self.gap
        due = question.now + timedelta(seconds=wait)
        number = question.contact.numbers[0].e164
        return Plan(
            due_at=due, number=number, decider="rule:plain@1", reasons=("plain",), made_at=due
        )


class Everywhere:
    """Takes any number as it is, in Finland."""

    def parse(self, text: str, default_country: str | None) -> NumberFacts:
        return NumberFacts(e164=text, country="FI", zones=("Europe/Helsinki",))


@dataclass(kw_only=True)
class Harness:
    """The gateway and everything a test wants to hold in its hands."""

    clock: ManualClock
    store: Store
    dialer: MemoryDialer
    gateway: Gateway
    intake: Intake
    office: Office
    planner: PlainPlanner
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, *numbers: str, queue: str = "support", hours: float = 48.0) -> list[str]:
        """Request a callback to each number and let the gateway do what it does at once."""
        deadline = self.clock.now() + timedelta(hours=hours)
        requests = [
            CallbackRequest(numbers=(number,), queue=queue, deadline=deadline) for number in numbers
        ]
        answers = await self.intake.take(requests)
        await self.clock.advance(0.05)
        return [one.callback_id for one in answers if isinstance(one, Added)]

    def leg(self, n: int = -1) -> str:
        """Return the id of the n-th order written to the wire."""
        return self.dialer.orders[n].leg_id

    def numbers(self) -> list[str]:
        """Return the customers' numbers in the order they were dialed."""
        return [one.target for one in self.dialer.orders if one.role is Role.CUSTOMER]

    async def tell(
        self, *news: CallNews, n: int = -1, end: Disposition | None = None, after: float = 0.0
    ) -> None:
        """Let the far end of the n-th order do these, one after the other."""
        leg = self.leg(n)
        for one in news:
            self.dialer.tell(leg, one)
            await self.clock.advance(after)
        if end is not None:
            self.dialer.end(leg, end)
        await self.clock.advance(0.05)

    async def way(self, callback_id: str) -> History:
        """Return the stored way of a callback."""
        found = await self.store.history(callback_id)
        assert found is not None
        return found

    async def violations(self) -> Sequence[str]:
        """Return what the audit finds."""
        return [f"{one.invariant}: {one.text}" for one in await self.store.audit(self.clock.now())]

    async def legs(self, callback_id: str) -> tuple[Leg, ...]:
        """Return the stored legs of a callback."""
        return (await self.way(callback_id)).legs


# The ids of a store go on over restarts of its gateway.
_IDS: WeakKeyDictionary[Store, Counter] = WeakKeyDictionary()
_SPEC = DispatchSpec(node="node-1", resolve_after=60.0, settle=5.0, drain=30.0)


@asynccontextmanager
async def gateway_of(
    store: Store | None = None,
    *,
    clock: ManualClock | None = None,
    dialer: MemoryDialer | None = None,
    planner: PlainPlanner | None = None,
    rule: CountryRule = ALWAYS,
    queue: QueueSpec | None = None,
    more_queues: Sequence[QueueSpec] = (),
    more_dialers: Sequence[MemoryDialer] = (),
    spec: DispatchSpec = _SPEC,
    crash: bool = False,
) -> AsyncIterator[Harness]:
    """Run a gateway; ``crash`` ends it by cancelling instead of draining."""
    clock = clock or ManualClock()
    store = store or MemoryStore(clock)
    dialer = dialer or MemoryDialer(clock, "pbx")
    planner = planner or PlainPlanner()
    support = queue or QueueSpec(name="support", carriers=("pbx",), route="connect")
    queues = {"support": replace(support, name="support")}
    queues |= {one.name: one for one in more_queues}
    ids = _IDS.setdefault(store, Counter())
    law = Law(countries={"FI": rule}, calendar=NoHolidays())
    await store.open()
    gateway = Gateway(
        Parts(
            store=store,
            clock=clock,
            ids=ids,
            planner=planner,
            law=law,
            dialers={"pbx": dialer, **{one.name: one for one in more_dialers}},
            queues=queues,
            spec=spec,
        )
    )
    intake = Intake(
        store=store,
        clock=clock,
        ids=ids,
        numbers=Everywhere(),
        planner=planner,
        queues=queues,
        default_queue="support",
        default_country="FI",
    )
    office = build_office(
        store=store,
        clock=clock,
        ids=ids,
        numbers=Everywhere(),
        default_country="FI",
        intake=intake,
        rules=gateway.rules,
        gateway=gateway,
    )
    harness = Harness(
        clock=clock,
        store=store,
        dialer=dialer,
        gateway=gateway,
        intake=intake,
        office=office,
        planner=planner,
    )
    running = asyncio.ensure_future(gateway.run(harness.stop))
    try:
        await clock.advance(0.05)
        yield harness
        if not crash:
            harness.stop.set()
            await clock.advance(spec.drain + 20)
            assert running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    if not crash:
        await running
