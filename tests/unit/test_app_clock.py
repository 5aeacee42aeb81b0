"""What the gateway does when the wall clock is set while it sleeps."""

from __future__ import annotations

from datetime import datetime, timedelta

from adapters.memory import ManualClock
from gateway.domain.disposition import Disposition
from tests.support.harness import PlainPlanner, gateway_of

KAISA = "+358401234567"


class AdjustableClock(ManualClock):
    """A manual clock whose wall time can be set, as by a machine that wakes or asks the network."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = timedelta()

    def now(self) -> datetime:
        return super().now() + self.moved


async def test_a_clock_that_is_put_forward_does_not_make_calls_late() -> None:
    clock = AdjustableClock()
    async with gateway_of(clock=clock, planner=PlainPlanner(gap=7200.0)) as one:
        await one.ask(KAISA)
        await one.tell(end=Disposition.BUSY)
        clock.moved = timedelta(hours=3)
        await clock.advance(60.0)
        assert one.numbers() == [KAISA, KAISA]


async def test_a_clock_that_is_put_back_makes_nobody_be_called_again() -> None:
    clock = AdjustableClock()
    async with gateway_of(clock=clock) as one:
        await one.ask(KAISA)
        await one.tell(end=Disposition.BUSY)
        clock.moved = timedelta(hours=-2)
        await clock.advance(3600.0)
        assert one.numbers() == [KAISA]
        await clock.advance(2 * 3600.0)
        assert one.numbers() == [KAISA, KAISA]
        assert await one.violations() == []
