"""A claim whose commit is in doubt: what it reserved is found again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from adapters.memory import ManualClock, MemoryStore
from gateway.domain.change import Decide, Demand
from gateway.domain.disposition import Disposition
from gateway.domain.errors import StoreUnavailable
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState
from gateway.domain.model import Flight
from tests.support.harness import gateway_of

KAISA, OLLI = "+358401234567", "+358501234589"


class DoubtfulStore(MemoryStore):
    """A memory store that keeps a claim and then cannot say so."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.breaks = False

    async def claim(self, now: datetime, demands: Sequence[Demand], decide: Decide) -> list[Flight]:
        flights = await super().claim(now, demands, decide)
        if self.breaks and flights:
            self.breaks = False
            raise StoreUnavailable("the connection broke while committing")
        return flights


async def test_what_a_claim_in_doubt_reserved_is_given_back_and_called() -> None:
    clock = ManualClock()
    store = DoubtfulStore(clock)
    async with gateway_of(store, clock=clock) as one:
        (busy,) = await one.ask(OLLI)
        store.breaks = True
        (callback_id,) = await one.ask(KAISA)
        await clock.advance(10.0)
        assert one.numbers() == [OLLI, KAISA]
        await one.tell(CallNews.ANSWERED, CallNews.CONNECTED, end=Disposition.ANSWERED_HUMAN)
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE
        assert (await one.way(busy)).callback.state is CallbackState.DIALING
        assert await one.violations() == []
