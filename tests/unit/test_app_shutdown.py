"""Stopping comes to an end, whatever still waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from adapters.memory import ManualClock, MemoryStore
from gateway.domain.change import Change
from gateway.domain.disposition import Disposition
from gateway.domain.errors import StoreUnavailable
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState
from gateway.domain.model import Flight
from tests.support.harness import gateway_of

KAISA, OLLI = "+358401234567", "+358501234589"


class FlakyStore(MemoryStore):
    """A memory store whose database can be switched off."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.down = False

    def submit(self, change: Change) -> Awaitable[None]:
        return self._refuse() if self.down else super().submit(change)

    async def flight_of_leg(self, leg_id: str) -> Flight | None:
        if self.down:
            raise StoreUnavailable("the database is away")
        return await super().flight_of_leg(leg_id)

    async def _refuse(self) -> None:
        raise StoreUnavailable("the database is away")


async def test_late_news_that_cannot_be_written_do_not_keep_the_gateway_from_stopping() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    async with gateway_of(store, clock=clock, crash=True) as one:
        await one.ask(KAISA, OLLI)
        one.dialer.vanish(one.leg(0))
        await clock.advance(80.0)  # nobody can tell what became of it
        store.down = True
        await one.tell(CallNews.RINGING, n=1)
        one.dialer.tell(one.leg(0), CallNews.CONNECTED)
        await clock.advance(1.0)
        one.stop.set()
        await clock.advance(60.0)
        left = [task.get_name() for task in asyncio.all_tasks()]
        assert "late-news" not in left, "the gateway never ends"


async def test_late_news_wait_for_a_database_that_is_away() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    async with gateway_of(store, clock=clock) as one:
        (callback_id,) = await one.ask(KAISA)
        one.dialer.vanish(one.leg())
        await clock.advance(80.0)
        store.down = True
        one.dialer.tell(one.leg(), CallNews.CONNECTED)
        one.dialer.tell(one.leg(), CallNews.ENDED, Disposition.ANSWERED_HUMAN)
        await clock.advance(5.0)
        store.down = False
        await clock.advance(5.0)
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE
        await clock.advance(300.0)
        assert len(one.dialer.orders) == 1, "somebody who was reached was called again"
