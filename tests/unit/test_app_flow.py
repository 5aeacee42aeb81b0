"""What the gateway does with callbacks and calls, on a clock that tests move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from adapters.memory import ManualClock, MemoryDialer, MemoryStore
from gateway.app.intake import CallbackRequest
from gateway.app.spec import QueueSpec
from gateway.domain.change import Stop
from gateway.domain.disposition import Disposition
from gateway.domain.errors import NotSent, OutcomeUnknown, Refused
from gateway.domain.events import CallNews, Finding
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Plan, Role
from gateway.domain.pacing import Limits
from gateway.domain.windows import Hours
from gateway.ports import DialOrder, PlanQuestion
from tests.support.harness import ALWAYS, Harness, PlainPlanner, gateway_of

KAISA, OLLI = "+358401234567", "+358501234589"
AGENT_FIRST = QueueSpec(
    name="support", carriers=("pbx",), route="bridge", hold_route="hold", agents=("PJSIP/anna",)
)


async def _reached(one: Harness) -> None:
    await one.tell(CallNews.RINGING, CallNews.ANSWERED, CallNews.CONNECTED, after=1.0)
    await one.tell(end=Disposition.ANSWERED_HUMAN)


async def test_a_due_callback_is_dialed_at_once_and_done_when_the_contact_talked() -> None:
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        assert one.numbers() == [KAISA]
        await _reached(one)
        way = await one.way(callback_id)
        assert way.callback.state is CallbackState.DONE
        assert way.attempts[0].disposition is Disposition.ANSWERED_HUMAN
        assert way.attempts[0].talk_seconds == pytest.approx(1.05, abs=0.1)
        kinds = [step.kind for step in way.steps]
        assert kinds[:4] == ["requested", "planned", "reserved", "accepted"]
        assert await one.violations() == []


async def test_a_miss_is_retried_when_the_planner_said_and_not_before() -> None:
    async with gateway_of() as one:
        await one.ask(KAISA)
        await one.tell(CallNews.RINGING, end=Disposition.NO_ANSWER)
        await one.clock.advance(59.0)
        assert len(one.dialer.orders) == 1
        await one.clock.advance(1.1)
        assert one.numbers() == [KAISA, KAISA]


async def test_attempts_used_up_exhaust_the_callback() -> None:
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        for _ in range(3):
            await one.tell(end=Disposition.BUSY)
            await one.clock.advance(61.0)
        way = await one.way(callback_id)
        assert way.callback.state is CallbackState.EXHAUSTED
        assert len(way.attempts) == 3
        assert await one.violations() == []


async def test_an_answered_contact_nobody_talked_to_is_abandoned_and_not_held_against_them() -> (
    None
):
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        await one.tell(CallNews.ANSWERED, end=Disposition.ANSWERED_HUMAN)
        way = await one.way(callback_id)
        assert way.attempts[0].disposition is Disposition.ABANDONED
        assert way.callback.used == 0
        assert way.callback.state is CallbackState.SCHEDULED


async def test_two_callbacks_of_one_contact_never_ring_at_once() -> None:
    sales = QueueSpec(name="sales", carriers=("pbx",), route="connect")
    async with gateway_of(more_queues=[sales]) as one:
        await one.ask(KAISA)
        await one.ask(KAISA, queue="sales")
        assert one.numbers() == [KAISA]
        await _reached(one)
        await one.clock.advance(31.0)
        assert one.numbers() == [KAISA, KAISA]


async def test_the_carrier_gets_no_more_calls_a_second_than_it_takes() -> None:
    clock = ManualClock()
    limits = Limits(calls_per_second=2.0, concurrent_calls=50)
    dialer = MemoryDialer(clock, "pbx", limits)
    async with gateway_of(clock=clock, dialer=dialer) as one:
        await one.ask(*(f"+35840123{n:04}" for n in range(10)))
        assert len(dialer.orders) == 1
        await clock.advance(2.0)
        assert len(dialer.orders) == 5
        await clock.advance(3.0)
        assert len(dialer.orders) == 10
        assert len(set(one.numbers())) == 10


async def test_the_carrier_gets_no_more_calls_at_once_than_it_takes() -> None:
    clock = ManualClock()
    limits = Limits(calls_per_second=100.0, concurrent_calls=2, burst=5)
    dialer = MemoryDialer(clock, "pbx", limits)
    async with gateway_of(clock=clock, dialer=dialer) as one:
        await one.ask(*(f"+35840123{n:04}" for n in range(4)))
        assert len(dialer.orders) == 2
        await one.tell(n=0, end=Disposition.BUSY)
        assert len(dialer.orders) == 3


async def test_outside_the_window_nothing_is_dialed_until_it_opens() -> None:
    night = replace(ALWAYS, weekly={day: (Hours(12 * 60, 1440),) for day in range(7)})
    async with gateway_of(rule=night) as one:  # It is ten in the morning in Helsinki.
        (callback_id,) = await one.ask(KAISA)
        assert one.dialer.orders == []
        assert "outside calling hours" in (await one.way(callback_id)).callback.state_reason
        await one.clock.advance(2 * 3600.0)
        assert one.numbers() == [KAISA]


async def test_a_callback_past_its_deadline_expires_with_a_reason() -> None:
    night = replace(ALWAYS, weekly={day: (Hours(12 * 60, 1440),) for day in range(7)})
    async with gateway_of(rule=night) as one:
        (callback_id,) = await one.ask(KAISA, hours=1.0)
        callback = (await one.way(callback_id)).callback
        assert callback.state is CallbackState.EXPIRED
        assert "no allowed time before the deadline" in callback.state_reason


async def test_a_number_on_the_do_not_call_list_is_never_dialed() -> None:
    async with gateway_of() as one:
        await one.store.do_not_call(KAISA, "asked for it", one.clock.now())
        (callback_id,) = await one.ask(KAISA)
        assert one.dialer.orders == []
        assert (await one.way(callback_id)).callback.state is CallbackState.BLOCKED


async def test_an_order_that_was_not_sent_is_tried_again_and_costs_no_attempt() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx")

    def lose_the_first(order: DialOrder) -> None:
        if len(dialer.orders) == 1:
            raise NotSent

    dialer.on_order = lose_the_first
    async with gateway_of(clock=clock, dialer=dialer) as one:
        (callback_id,) = await one.ask(KAISA)
        await one.clock.advance(1.0)
        way = await one.way(callback_id)
        assert [leg.state for leg in way.legs] == [LegState.NOT_PLACED, LegState.SENDING]
        assert way.callback.used == 0
        assert await one.violations() == []


async def test_an_order_the_carrier_refuses_failed_without_counting_against_the_contact() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx")

    def refuse(_order: DialOrder) -> None:
        raise Refused("Extension does not exist")

    dialer.on_order = refuse
    async with gateway_of(clock=clock, dialer=dialer) as one:
        (callback_id,) = await one.ask(KAISA)
        way = await one.way(callback_id)
        assert way.attempts[0].disposition is Disposition.FAILED
        assert way.callback.used == 0
        assert way.callback.state is CallbackState.SCHEDULED


async def test_an_order_in_doubt_is_not_sent_again_but_counted_as_attempted() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx")

    def no_answer(_order: DialOrder) -> None:
        raise OutcomeUnknown

    dialer.on_order = no_answer
    async with gateway_of(clock=clock, dialer=dialer) as one:
        (callback_id,) = await one.ask(KAISA)
        dialer.on_order = lambda _order: None
        await clock.advance(30.0)
        way = await one.way(callback_id)
        assert way.legs[0].state is LegState.UNRESOLVED
        assert way.attempts[0].disposition is Disposition.UNRESOLVED
        assert way.callback.used == 1
        assert len(dialer.orders) == 1
        assert await one.violations() == []


async def test_evidence_decides_an_order_in_doubt() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx")

    def in_doubt(order: DialOrder) -> None:
        dialer.evidence[order.leg_id] = Finding(
            leg_id=order.leg_id, placed=True, disposition=Disposition.BUSY
        )
        raise OutcomeUnknown

    dialer.on_order = in_doubt
    async with gateway_of(clock=clock, dialer=dialer) as one:
        (callback_id,) = await one.ask(KAISA)
        await clock.advance(6.0)
        assert (await one.way(callback_id)).attempts[0].disposition is Disposition.BUSY


async def test_proof_that_a_call_was_never_placed_lets_it_be_placed_at_once() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx")

    def in_doubt(order: DialOrder) -> None:
        dialer.evidence[order.leg_id] = Finding(leg_id=order.leg_id, placed=False)
        raise OutcomeUnknown

    dialer.on_order = in_doubt
    async with gateway_of(clock=clock, dialer=dialer) as one:
        (callback_id,) = await one.ask(KAISA)
        dialer.on_order = lambda _order: None
        await clock.advance(6.0)
        way = await one.way(callback_id)
        assert [leg.state for leg in way.legs] == [LegState.NOT_PLACED, LegState.SENDING]
        assert way.callback.used == 0


async def test_after_a_crash_a_call_still_alive_is_taken_over() -> None:
    clock = ManualClock()
    store, dialer = MemoryStore(clock), MemoryDialer(clock, "pbx")
    async with gateway_of(store, clock=clock, dialer=dialer, crash=True) as one:
        (callback_id,) = await one.ask(KAISA)
    dialer.link_up()
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        await clock.advance(6.0)
        assert len(dialer.orders) == 1
        assert "adopted" in [step.kind for step in (await one.way(callback_id)).steps]
        await one.tell(CallNews.ANSWERED, CallNews.CONNECTED, end=Disposition.ANSWERED_HUMAN)
        await clock.advance(30.0)
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE
        assert await one.violations() == []


async def test_an_adopted_call_is_closed_by_evidence_rather_than_by_the_last_word() -> None:
    clock = ManualClock()
    store, dialer = MemoryStore(clock), MemoryDialer(clock, "pbx")
    async with gateway_of(store, clock=clock, dialer=dialer, crash=True) as one:
        (callback_id,) = await one.ask(KAISA)
    dialer.link_up()
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        await clock.advance(6.0)
        leg = one.leg()
        dialer.evidence[leg] = Finding(
            leg_id=leg,
            placed=True,
            disposition=Disposition.ANSWERED_HUMAN,
            answered_at=clock.now(),
            connected_at=clock.now(),
        )
        await one.tell(end=Disposition.NO_ANSWER)
        await clock.advance(2.0)
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE


async def test_after_a_crash_a_leg_that_was_only_reserved_is_given_back() -> None:
    clock = ManualClock()
    limits = Limits(calls_per_second=1.0, concurrent_calls=5)
    store, dialer = MemoryStore(clock), MemoryDialer(clock, "pbx", limits)
    async with gateway_of(store, clock=clock, dialer=dialer, crash=True) as one:
        first, second = await one.ask(KAISA, OLLI)
        assert one.numbers() == [KAISA]
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        await clock.advance(2.0)
        assert one.numbers() == [KAISA, OLLI]
        states = [leg.state for leg in await one.legs(second)]
        assert states == [LegState.RELEASED, LegState.SENDING]
        assert first != second


async def test_a_restarted_pbx_lost_its_calls_and_they_are_resolved_at_once() -> None:
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        one.dialer.link_down()
        await one.clock.advance(1.0)
        one.dialer.link_up(restarted=True)
        await one.clock.advance(15.0)
        way = await one.way(callback_id)
        assert way.attempts[0].disposition is Disposition.UNRESOLVED
        assert await one.violations() == []


async def test_nothing_is_dialed_while_the_carrier_is_down_and_everything_when_it_is_back() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx", up=False)
    async with gateway_of(clock=clock, dialer=dialer) as one:
        await one.ask(KAISA, OLLI)
        await clock.advance(100.0)
        assert dialer.orders == []
        dialer.link_up()
        await clock.advance(1.0)
        assert sorted(one.numbers()) == [KAISA, OLLI]


async def test_a_callback_that_waits_in_vain_for_a_carrier_expires_at_its_deadline() -> None:
    clock = ManualClock()
    async with gateway_of(clock=clock, dialer=MemoryDialer(clock, "pbx", up=False)) as one:
        (callback_id,) = await one.ask(KAISA, hours=1.0)
        await clock.advance(3600.0 - 60.0)
        assert (await one.way(callback_id)).callback.state is CallbackState.SCHEDULED
        await clock.advance(90.0)
        callback = (await one.way(callback_id)).callback
        assert callback.state is CallbackState.EXPIRED
        assert "no carrier" in callback.state_reason


async def test_agent_first_rings_the_agent_then_the_contact_and_bridges_the_two() -> None:
    async with gateway_of(queue=AGENT_FIRST) as one:
        (callback_id,) = await one.ask(KAISA)
        assert one.dialer.orders[0].role is Role.AGENT
        assert one.dialer.orders[0].route == "hold"
        await one.tell(CallNews.RINGING, CallNews.ANSWERED, n=0)
        order = one.dialer.orders[1]
        assert (order.role, order.target, order.route) == (Role.CUSTOMER, KAISA, "bridge")
        assert order.bridge_to == f"Memory/{one.leg(0)}"
        await one.tell(CallNews.ANSWERED, CallNews.CONNECTED, n=1, after=5.0)
        await one.tell(n=1, end=Disposition.ANSWERED_HUMAN)
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE
        assert one.dialer.hung_up == [one.leg(0)]
        assert await one.violations() == []


async def test_an_agent_who_does_not_pick_up_costs_the_contact_nothing() -> None:
    async with gateway_of(queue=AGENT_FIRST) as one:
        (callback_id,) = await one.ask(KAISA)
        await one.tell(CallNews.RINGING, end=Disposition.NO_ANSWER, n=0)
        way = await one.way(callback_id)
        assert way.attempts[0].disposition is Disposition.AGENT_NO_ANSWER
        assert way.callback.used == 0
        assert one.numbers() == []


async def test_a_busy_contact_frees_the_waiting_agent() -> None:
    async with gateway_of(queue=AGENT_FIRST) as one:
        (callback_id,) = await one.ask(KAISA)
        await one.tell(CallNews.ANSWERED, n=0)
        await one.tell(end=Disposition.BUSY, n=1)
        assert one.dialer.hung_up == [one.leg(0)]
        assert (await one.way(callback_id)).attempts[0].disposition is Disposition.BUSY


async def test_one_agent_takes_one_call_at_a_time() -> None:
    async with gateway_of(queue=AGENT_FIRST) as one:
        await one.ask(KAISA, OLLI)
        assert len(one.dialer.orders) == 1
        await one.tell(end=Disposition.NO_ANSWER, n=0)
        assert len(one.dialer.orders) == 2


async def test_late_proof_of_an_answer_closes_a_callback_that_waits_for_its_next_attempt() -> None:
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        one.dialer.vanish(one.leg())
        await one.clock.advance(100.0)
        assert (await one.way(callback_id)).attempts[0].disposition is Disposition.UNRESOLVED
        one.dialer.tell(one.leg(0), CallNews.CONNECTED)
        await one.clock.advance(1.0)
        assert len(one.dialer.orders) == 1
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE
        assert await one.violations() == []


async def test_a_stop_gives_back_what_was_not_sent_and_lets_open_calls_end() -> None:
    clock = ManualClock()
    limits = Limits(calls_per_second=1.0, concurrent_calls=5)
    store, dialer = MemoryStore(clock), MemoryDialer(clock, "pbx", limits)
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        first, second = await one.ask(KAISA, OLLI)
        one.stop.set()
        await clock.advance(1.0)
        await one.tell(CallNews.CONNECTED, n=0, end=Disposition.ANSWERED_HUMAN)
    await store.open()
    ended, waiting = await store.history(first), await store.history(second)
    assert ended is not None
    assert waiting is not None
    assert ended.callback.state is CallbackState.DONE
    assert waiting.callback.state is CallbackState.SCHEDULED


async def test_a_callback_that_comes_while_the_next_due_time_is_asked_for_is_not_overslept() -> (
    None
):
    async with gateway_of() as one:
        await one.ask(OLLI)
        await one.tell(end=Disposition.NO_ANSWER)  # Due again in a minute: slept on.
        asked = one.store.next_due
        dues: list[datetime | None] = []

        async def next_due(queues: Sequence[str]) -> datetime | None:
            due = await asked(queues)
            if None not in dues and due is None:  # This answer would be slept on for ever.
                await one.intake.take([CallbackRequest(numbers=(KAISA,))])
            dues.append(due)
            return due

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(one.store, "next_due", next_due)
            await one.clock.advance(61.0)
        assert one.numbers() == [OLLI, OLLI, KAISA]


async def test_no_more_is_reserved_than_can_be_sent_soon() -> None:
    clock = ManualClock()
    limits = Limits(calls_per_second=2.0, concurrent_calls=50)
    async with gateway_of(clock=clock, dialer=MemoryDialer(clock, "pbx", limits)) as one:
        await one.ask(*(f"+35840123{n:04}" for n in range(20)))
        assert len(one.gateway.registry) - len(one.dialer.orders) <= 2
        await clock.advance(12.0)
        assert len(set(one.numbers())) == 20


async def test_a_leg_released_while_it_was_written_ahead_is_not_sent() -> None:
    async with gateway_of(queue=AGENT_FIRST) as one:
        start = one.store.start_sending

        async def slow(leg_ids: Sequence[str], now: datetime) -> frozenset[str]:
            granted = await start(leg_ids, now)
            if len(one.dialer.orders) == 1:  # The contact's leg: the agent hangs up meanwhile.
                one.dialer.end(one.leg(0), Disposition.ANSWERED_HUMAN)
                await one.clock.settle()
            return granted

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(one.store, "start_sending", slow)
            (callback_id,) = await one.ask(KAISA)
            await one.tell(CallNews.ANSWERED, n=0)
        assert one.numbers() == []
        way = await one.way(callback_id)
        assert way.legs[1].state is LegState.NOT_PLACED
        assert way.callback.used == 0
        assert await one.violations() == []


class SlowPlanner(PlainPlanner):
    """Takes a second to think."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock

    async def plan(self, question: PlanQuestion) -> Plan | Stop:
        if question.history:
            await self.clock.sleep(1.0)
        return await super().plan(question)


async def test_news_that_comes_while_the_next_attempt_is_planned_is_not_lost() -> None:
    clock = ManualClock()
    async with gateway_of(clock=clock, planner=SlowPlanner(clock)) as one:
        (callback_id,) = await one.ask(KAISA)
        await one.tell(CallNews.ANSWERED, end=Disposition.ANSWERED_HUMAN)
        one.dialer.tell(one.leg(), CallNews.CONNECTED)
        await clock.advance(2.0)
        way = await one.way(callback_id)
        assert way.attempts[0].disposition is Disposition.ANSWERED_HUMAN
        assert way.callback.state is CallbackState.DONE
        assert await one.violations() == []


async def test_a_refusal_that_comes_after_ringing_was_heard_is_not_believed() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx")

    def ring_and_refuse(order: DialOrder) -> None:
        dialer.tell(order.leg_id, CallNews.RINGING)

    async def originate(order: DialOrder) -> None:
        dialer.orders.append(order)
        ring_and_refuse(order)
        await clock.sleep(0.01)
        raise Refused("so it says")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialer, "originate", originate)
        async with gateway_of(clock=clock, dialer=dialer) as one:
            (callback_id,) = await one.ask(KAISA)
            await clock.advance(1.0)
            assert (await one.way(callback_id)).legs[0].state is LegState.RINGING
            await one.tell(end=Disposition.BUSY)
            assert (await one.way(callback_id)).attempts[0].disposition is Disposition.BUSY
