"""The resolver against evidence that contradicts itself, or that is older than the news."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.memory import ManualClock, MemoryDialer
from gateway.domain.disposition import Disposition
from gateway.domain.errors import OutcomeUnknown
from gateway.domain.events import CallNews, Finding
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Leg
from gateway.ports import DialOrder
from tests.support.harness import gateway_of

KAISA = "+358401234567"


class SlowPbx(MemoryDialer):
    """A PBX whose manager session hangs: it takes orders late, and shows calls later still."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock, "pbx")
        self.time = clock
        self.looks = 0
        self.takes_while_looking = False

    async def originate(self, order: DialOrder) -> None:
        self.orders.append(order)
        raise OutcomeUnknown

    def take(self, leg_id: str) -> None:
        """Read the order that lay in the socket; its channel comes a moment later."""
        self.tell(leg_id, CallNews.ACCEPTED)

    def show(self, leg_id: str) -> None:
        self._living[leg_id] = f"Memory/{leg_id}"

    async def findings(self, legs: Sequence[Leg]) -> Mapping[str, Finding]:
        self.looks += 1
        if self.takes_while_looking:
            self.take(legs[0].id)
            await self.time.sleep(0.01)
        return {
            leg.id: Finding(leg_id=leg.id, placed=False)
            for leg in legs
            if leg.id not in self._living
        }


async def test_an_order_taken_while_its_absence_is_looked_up_is_not_proved_not_placed() -> None:
    clock = ManualClock()
    pbx = SlowPbx(clock)
    async with gateway_of(clock=clock, dialer=pbx) as one:
        pbx.takes_while_looking = True
        (callback_id,) = await one.ask(KAISA)
        await clock.advance(5.1)
        pbx.takes_while_looking = False
        pbx.show(one.leg(0))
        await clock.advance(6.0)
        assert len(pbx.orders) == 1, "called twice"
        assert [leg.state for leg in await one.legs(callback_id)] == [LegState.ACCEPTED]
        await one.tell(CallNews.ANSWERED, CallNews.CONNECTED, end=Disposition.ANSWERED_HUMAN)
        await clock.advance(30.0)
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE


async def test_an_order_taken_a_moment_ago_is_given_time_to_show() -> None:
    clock = ManualClock()
    pbx = SlowPbx(clock)
    async with gateway_of(clock=clock, dialer=pbx) as one:
        await one.ask(KAISA)
        await clock.advance(4.9)
        pbx.take(one.leg(0))
        await clock.advance(0.1)  # the time to look, as it was reckoned from the doubt
        await clock.advance(0.1)
        pbx.show(one.leg(0))
        await clock.advance(6.0)
        assert len(pbx.orders) == 1, "called twice"


async def test_a_phone_that_rang_is_not_proved_not_placed_and_not_looked_at_for_ever() -> None:
    clock = ManualClock()
    pbx = MemoryDialer(clock, "pbx")
    async with gateway_of(clock=clock, dialer=pbx) as one:
        (callback_id,) = await one.ask(KAISA)
        leg = one.leg()
        await one.tell(CallNews.RINGING)
        pbx.link_down()
        pbx.vanish(leg)
        pbx.evidence[leg] = Finding(leg_id=leg, placed=False)  # a log with holes
        await clock.advance(1.0)
        pbx.link_up()
        await clock.advance(100.0)
        assert (await one.legs(callback_id))[0].state is LegState.UNRESOLVED
        assert await one.violations() == []


async def test_a_call_that_ends_while_the_calls_are_listed_leaves_nothing_behind() -> None:
    clock = ManualClock()

    class EndsMeanwhile(MemoryDialer):
        async def findings(self, legs: Sequence[Leg]) -> Mapping[str, Finding]:
            for leg in legs:
                self.end(leg.id, Disposition.NO_ANSWER)
            await clock.sleep(0.01)
            return {}

    pbx = EndsMeanwhile(clock, "pbx")
    async with gateway_of(clock=clock, dialer=pbx) as one:
        (callback_id,) = await one.ask(KAISA)
        pbx.link_down()
        await clock.advance(0.1)
        pbx.link_up()
        await clock.advance(30.0)
        way = await one.way(callback_id)
        assert way.callback.state is CallbackState.SCHEDULED
        assert "adopted" not in [step.kind for step in way.steps]
        assert one.gateway.resolver._adopted == set()
