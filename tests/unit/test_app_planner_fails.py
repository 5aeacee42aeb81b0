"""A planner that fails costs time, never a callback and never the service."""

from __future__ import annotations

from datetime import timedelta

from gateway.domain.change import Stop
from gateway.domain.disposition import Disposition
from gateway.domain.machine import CallbackState
from gateway.domain.model import Plan
from gateway.ports import PlanQuestion
from tests.support.harness import PlainPlanner, gateway_of

KAISA = "+358401234567"


class Broken(PlainPlanner):
    """Fails whenever it is asked after an attempt, or always."""

    def __init__(self, *, always: bool = False) -> None:
        super().__init__()
        self.always = always

    async def plan(self, question: PlanQuestion) -> Plan | Stop:
        if self.always or question.history:
            raise ZeroDivisionError
        return await super().plan(question)


async def test_after_an_attempt_a_planner_that_raises_gives_a_plain_later_time() -> None:
    async with gateway_of(planner=Broken()) as one:
        [callback_id] = await one.ask(KAISA)
        await one.clock.advance(1.0)
        await one.tell(end=Disposition.NO_ANSWER)
        way = await one.way(callback_id)
        assert way.callback.state is CallbackState.SCHEDULED
        assert way.callback.plan is not None
        assert way.callback.plan.decider == "rule:plain@1"
        assert "the planner failed (ZeroDivisionError)" in way.callback.state_reason
        await one.clock.advance(15 * 60.0)
        assert one.numbers() == [KAISA, KAISA]


async def test_a_new_callback_is_taken_in_although_the_planner_raises() -> None:
    async with gateway_of(planner=Broken(always=True)) as one:
        [callback_id] = await one.ask(KAISA)
        await one.clock.advance(1.0)
        assert one.numbers() == [KAISA]
        assert (await one.way(callback_id)).callback.state is CallbackState.DIALING


async def test_a_plain_time_past_the_deadline_closes_the_callback_as_expired() -> None:
    async with gateway_of(planner=Broken()) as one:
        [callback_id] = await one.ask(KAISA, hours=0.1)
        await one.clock.advance(1.0)
        await one.tell(end=Disposition.NO_ANSWER)
        callback = (await one.way(callback_id)).callback
        assert callback.state is CallbackState.EXPIRED
        assert callback.closed_at is not None
        assert callback.closed_at - callback.requested_at < timedelta(minutes=1)
