"""Several queues on one carrier, several carriers on one PBX: none is in another's way."""

from __future__ import annotations

from dataclasses import replace

from adapters.memory import ManualClock, MemoryDialer
from gateway.app.spec import QueueSpec
from gateway.domain.disposition import Disposition
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState
from gateway.domain.pacing import Limits
from tests.support.harness import gateway_of

KAISA, OLLI = "+358401234567", "+358501234589"
SUPPORT = QueueSpec(name="support", carriers=("pbx",), route="connect")
OTHERS = tuple(replace(SUPPORT, name=name) for name in ("sales", "billing", "surveys"))
DESK = replace(SUPPORT, name="desk", hold_route="hold", agents=("PJSIP/anna",))


async def test_a_queue_is_served_however_little_room_the_idle_ones_before_it_would_leave() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx", Limits(calls_per_second=5.0, concurrent_calls=5))
    async with gateway_of(clock=clock, dialer=dialer, more_queues=OTHERS) as one:
        await one.ask(KAISA, queue="surveys")
        assert one.numbers() == [KAISA]


async def test_a_queue_that_becomes_due_later_is_not_overslept_for_lack_of_offered_room() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx", Limits(calls_per_second=5.0, concurrent_calls=5))
    async with gateway_of(clock=clock, dialer=dialer, more_queues=OTHERS) as one:
        await one.ask(KAISA, queue="surveys")
        await one.tell(end=Disposition.NO_ANSWER)
        await one.clock.advance(61.0)
        assert one.numbers() == [KAISA, KAISA]


async def test_queues_that_all_wait_for_one_line_take_turns() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx", Limits(calls_per_second=50.0, concurrent_calls=1))
    async with gateway_of(clock=clock, dialer=dialer, more_queues=OTHERS[:1]) as one:
        support = [f"+35840123{n:04d}" for n in range(4)]
        sales = [f"+35850123{n:04d}" for n in range(4)]
        await one.ask(*support)
        await one.ask(*sales, queue="sales")
        for n in range(5):
            assert len(one.dialer.orders) == n + 1, "one call at a time, and never none"
            await one.tell(CallNews.ANSWERED, CallNews.CONNECTED, end=Disposition.ANSWERED_HUMAN)
            await one.clock.advance(1.0)
        dialed = one.numbers()[:6]
        assert sum(number in sales for number in dialed) == 3


async def test_an_agents_queue_without_a_free_agent_leaves_the_room_to_the_others() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx", Limits(calls_per_second=5.0, concurrent_calls=5))
    async with gateway_of(clock=clock, dialer=dialer, more_queues=(DESK, *OTHERS)) as one:
        await one.ask(KAISA, "+358401234568", queue="desk")
        assert [order.target for order in one.dialer.orders] == ["PJSIP/anna"]
        await one.ask(OLLI, queue="surveys")
        await clock.advance(0.3)  # until there is a token for a second call
        assert one.numbers() == [OLLI]


async def test_what_another_carrier_overhears_of_a_call_is_left_to_the_one_that_placed_it() -> None:
    clock = ManualClock()
    trunk = MemoryDialer(clock, "other-trunk-of-the-same-pbx")
    async with gateway_of(clock=clock, more_dialers=(trunk,)) as one:
        (callback_id,) = await one.ask(KAISA)
        trunk.end(one.leg(), Disposition.NO_ANSWER)
        await clock.advance(0.05)
        assert (await one.way(callback_id)).callback.state is CallbackState.DIALING
        await one.tell(end=Disposition.CANCELED)
        trunk.end(one.leg(), Disposition.NO_ANSWER)  # too late, and still not its business
        await clock.advance(0.05)
        way = await one.way(callback_id)
        assert way.attempts[0].disposition is Disposition.CANCELED
        assert way.callback.used == 0


async def test_an_agents_call_keeps_a_line_for_the_contact() -> None:
    clock = ManualClock()
    limits = Limits(calls_per_second=100.0, concurrent_calls=3, burst=5)
    dialer = MemoryDialer(clock, "pbx", limits)
    queue = replace(DESK, agents=("PJSIP/anna", "PJSIP/bert"))
    async with gateway_of(clock=clock, dialer=dialer, queue=queue) as one:
        await one.ask(KAISA, OLLI)
        assert len(dialer.orders) == 1
        await one.tell(CallNews.ANSWERED, n=0)
        assert len(dialer.orders) == 2
        await one.tell(CallNews.CONNECTED, n=1, end=Disposition.ANSWERED_HUMAN)
        await clock.advance(1.0)
        assert len(dialer.orders) == 3
