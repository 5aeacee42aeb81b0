"""A queue that was taken out of the configuration while its calls were under way."""

from __future__ import annotations

from adapters.memory import ManualClock, MemoryDialer, MemoryStore
from gateway.app.spec import QueueSpec
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState
from tests.support.harness import gateway_of

KAISA, OLLI = "+358401234567", "+358501234589"
DESK = QueueSpec(
    name="desk", carriers=("pbx",), route="bridge", hold_route="hold", agents=("PJSIP/anna",)
)


async def test_an_agent_of_a_queue_that_is_gone_is_let_go_and_the_others_go_on() -> None:
    clock = ManualClock()
    store, dialer = MemoryStore(clock), MemoryDialer(clock, "pbx")
    async with gateway_of(
        store, clock=clock, dialer=dialer, more_queues=(DESK,), crash=True
    ) as one:
        (callback_id,) = await one.ask(KAISA, queue="desk")
    dialer.link_up()
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        await one.tell(CallNews.ANSWERED, n=0)
        await clock.advance(1.0)
        assert one.numbers() == [], "nobody knows where the contact should be sent to"
        assert dialer.hung_up == [one.leg(0)]
        await clock.advance(20.0)
        assert (await one.way(callback_id)).callback.state is CallbackState.SCHEDULED
        await one.ask(OLLI)
        assert one.numbers() == [OLLI]
        assert await one.violations() == []
