"""What a gateway makes of calls that went on, or ended, while it was not there."""

from __future__ import annotations

from adapters.memory import ManualClock, MemoryDialer, MemoryStore
from gateway.domain.disposition import Disposition
from gateway.domain.events import CallNews, Finding
from gateway.domain.machine import CallbackState, LegState
from tests.support.harness import gateway_of

KAISA = "+358401234567"
LONGER_THAN_A_LEG_MAY_BE_SILENT = 600.0


async def test_an_end_the_carrier_cannot_explain_is_looked_up_before_it_is_believed() -> None:
    clock = ManualClock()
    store, dialer = MemoryStore(clock), MemoryDialer(clock, "pbx")
    async with gateway_of(store, clock=clock, dialer=dialer, crash=True) as one:
        (callback_id,) = await one.ask(KAISA)
    dialer.link_up()
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        # It was answered while nobody listened, and ends before anybody has looked.
        leg = one.leg()
        dialer.evidence[leg] = Finding(
            leg_id=leg,
            placed=True,
            disposition=Disposition.ANSWERED_HUMAN,
            answered_at=clock.now(),
            connected_at=clock.now(),
        )
        await one.tell(end=Disposition.UNRESOLVED)
        await clock.advance(2.0)
        way = await one.way(callback_id)
        assert way.attempts[0].disposition is Disposition.ANSWERED_HUMAN
        assert way.callback.state is CallbackState.DONE
        assert await one.violations() == []


async def test_an_end_nobody_can_explain_is_unresolved_after_a_few_looks() -> None:
    clock = ManualClock()
    store, dialer = MemoryStore(clock), MemoryDialer(clock, "pbx")
    async with gateway_of(store, clock=clock, dialer=dialer, crash=True) as one:
        (callback_id,) = await one.ask(KAISA)
    dialer.link_up()
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        await one.tell(end=Disposition.UNRESOLVED)
        await clock.advance(20.0)
        assert [leg.disposition for leg in await one.legs(callback_id)] == [Disposition.UNRESOLVED]
        assert len(dialer.orders) == 1
        assert await one.violations() == []


async def test_a_gateway_that_was_away_for_long_reaches_the_carrier_before_it_gives_up() -> None:
    clock = ManualClock()
    store, dialer = MemoryStore(clock), MemoryDialer(clock, "pbx")
    async with gateway_of(store, clock=clock, dialer=dialer, crash=True) as one:
        (callback_id,) = await one.ask(KAISA)
    dialer.link_down()
    await clock.advance(LONGER_THAN_A_LEG_MAY_BE_SILENT)
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        await clock.advance(3.0)
        assert [leg.state for leg in await one.legs(callback_id)] == [LegState.SENDING]
        dialer.link_up()
        await clock.advance(6.0)
        assert "adopted" in [step.kind for step in (await one.way(callback_id)).steps]
        await one.tell(CallNews.ANSWERED, CallNews.CONNECTED, end=Disposition.ANSWERED_HUMAN)
        await clock.advance(30.0)
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE
        assert await one.violations() == []


async def test_a_carrier_that_stays_away_is_waited_for_as_long_as_for_a_fresh_call() -> None:
    clock = ManualClock()
    store, dialer = MemoryStore(clock), MemoryDialer(clock, "pbx")
    async with gateway_of(store, clock=clock, dialer=dialer, crash=True) as one:
        (callback_id,) = await one.ask(KAISA)
    dialer.link_down()
    await clock.advance(LONGER_THAN_A_LEG_MAY_BE_SILENT)
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        await clock.advance(55.0)
        assert [leg.state for leg in await one.legs(callback_id)] == [LegState.SENDING]
        await clock.advance(10.0)
        assert [leg.state for leg in await one.legs(callback_id)] == [LegState.UNRESOLVED]
        assert await one.violations() == []
