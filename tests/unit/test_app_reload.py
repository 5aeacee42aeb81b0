"""New rules are in force for everyone at once; calls under way go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from adapters.memory import ManualClock, MemoryStore
from gateway.app.intake import CallbackRequest
from gateway.app.spec import QueueSpec
from gateway.domain.change import Added
from gateway.domain.disposition import Disposition
from gateway.domain.errors import BadInput
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState
from gateway.domain.windows import CountryRule, Hours, Law
from tests.support.builders import NoHolidays
from tests.support.harness import ALWAYS, Harness, PlainPlanner, gateway_of

KAISA, OLLI = "+358401234567", "+358501234589"
SUPPORT = QueueSpec(name="support", carriers=("pbx",), route="connect")
SALES = QueueSpec(name="sales", carriers=("pbx",), route="connect")
NEVER = CountryRule(weekly={day: (Hours(0, 1),) for day in range(7)}, holidays=())


def _reload(one: Harness, *queues: QueueSpec, rule: CountryRule = ALWAYS) -> PlainPlanner:
    planner = PlainPlanner(gap=5.0)
    law = Law(countries={"FI": rule}, calendar=NoHolidays())
    one.gateway.reload(planner, law, {queue.name: queue for queue in queues})
    return planner


async def test_a_new_queue_takes_callbacks_and_serves_them() -> None:
    async with gateway_of() as one:
        request = CallbackRequest(numbers=(KAISA,), queue="sales")
        (refused,) = await one.intake.take([request])
        assert isinstance(refused, BadInput)
        planner = _reload(one, SUPPORT, SALES)
        (taken,) = await one.intake.take([request])
        assert isinstance(taken, Added)
        await one.clock.advance(0.05)
        assert one.numbers() == [KAISA]
        assert len(planner.questions) == 1


async def test_what_waits_in_a_queue_that_is_gone_waits_on_and_goes_when_it_is_back() -> None:
    async with gateway_of(more_queues=[SALES]) as one:
        await one.office.holds.hold_queue("sales", by="anna")
        await one.ask(KAISA, queue="sales")
        _reload(one, SUPPORT)
        await one.office.holds.resume("queue:sales", by="anna")
        await one.ask(OLLI)
        await one.clock.advance(60.0)
        assert one.numbers() == [OLLI]
        _reload(one, SALES, SUPPORT)
        await one.clock.advance(0.05)
        assert one.numbers() == [OLLI, KAISA]


async def test_a_call_under_way_goes_on_and_what_follows_it_is_planned_by_the_new_rules() -> None:
    async with gateway_of() as one:
        await one.ask(KAISA)
        planner = _reload(one, SUPPORT)
        await one.tell(CallNews.RINGING, end=Disposition.NO_ANSWER)
        assert len(planner.questions) == 1
        await one.clock.advance(11.0)
        assert one.numbers() == [KAISA, KAISA]
        assert await one.violations() == []


async def test_a_law_that_forbids_more_holds_for_what_was_planned_before_it() -> None:
    async with gateway_of() as one:
        at = one.clock.now() + timedelta(minutes=10)
        await one.office.holds.stop_all(by="anna")
        (callback_id,) = await one.ask(KAISA)
        await one.office.amendments.reschedule(callback_id, at, by="anna")
        _reload(one, SUPPORT, rule=NEVER)
        await one.office.holds.resume(by="anna")
        await one.clock.advance(3600.0)
        assert one.numbers() == []
        way = await one.way(callback_id)
        assert way.callback.state is CallbackState.SCHEDULED
        assert way.callback.state_reason == "outside calling hours"


class Between(MemoryStore):
    """A memory store in which something happens while it keeps a write-ahead."""

    deed: Callable[[], object] | None = None

    async def start_sending(self, leg_ids: Sequence[str], now: datetime) -> frozenset[str]:
        granted = await super().start_sending(leg_ids, now)
        if leg_ids and self.deed is not None:
            self.deed()
        return granted


async def test_a_queue_that_goes_while_its_call_is_written_ahead_costs_that_call_and_no_more() -> (
    None
):
    clock = ManualClock()
    store = Between(clock)
    async with gateway_of(store, clock=clock, more_queues=[SALES]) as one:
        store.deed = lambda: _reload(one, SUPPORT)
        (callback_id,) = await one.ask(KAISA, queue="sales")
        store.deed = None
        await one.ask(OLLI)
        assert one.numbers() == [OLLI]
        assert (await one.way(callback_id)).callback.state is CallbackState.SCHEDULED
        assert await one.violations() == []
