"""What the gateway does while its database is away: dial nothing, forget nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime

import pytest

from adapters.memory import ManualClock, MemoryDialer, MemoryStore
from gateway.domain.change import Change, Decide, Demand
from gateway.domain.disposition import Disposition
from gateway.domain.errors import StoreUnavailable
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Flight
from tests.support.harness import gateway_of

KAISA, OLLI = "+358401234567", "+358501234589"


class FlakyStore(MemoryStore):
    """A memory store whose database can be switched off."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.down = False

    def submit(self, change: Change) -> Awaitable[None]:
        if self.down:
            return self._refuse(StoreUnavailable("the database is away"))
        return super().submit(change)

    async def claim(self, now: datetime, demands: Sequence[Demand], decide: Decide) -> list[Flight]:
        if self.down:
            raise StoreUnavailable("the database is away")
        return await super().claim(now, demands, decide)

    async def start_sending(self, leg_ids: Sequence[str], now: datetime) -> frozenset[str]:
        if self.down:
            raise StoreUnavailable("the database is away")
        return await super().start_sending(leg_ids, now)

    async def _refuse(self, error: Exception) -> None:
        raise error


async def test_what_a_call_did_while_the_database_was_away_is_written_in_order_later() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    async with gateway_of(store, clock=clock) as one:
        (callback_id,) = await one.ask(KAISA)
        store.down = True
        await one.tell(CallNews.RINGING, CallNews.ANSWERED, CallNews.CONNECTED, after=1.0)
        await one.tell(end=Disposition.ANSWERED_HUMAN)
        assert one.gateway.health().database_trouble == "the database is away"
        assert (await one.way(callback_id)).legs[0].state is LegState.SENDING
        store.down = False
        await clock.advance(2.0)
        way = await one.way(callback_id)
        assert way.callback.state is CallbackState.DONE
        kinds = [step.kind for step in way.steps]
        assert kinds[3:] == [
            "accepted",
            "ringing",
            "answered",
            "connected",
            "ended",
            "attempt_over",
            "done",
        ]
        assert one.gateway.health().database_trouble == ""
        assert await one.violations() == []


async def test_nothing_is_dialed_while_the_database_is_away() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    async with gateway_of(store, clock=clock) as one:
        await one.ask(KAISA)
        await one.tell(end=Disposition.BUSY)
        store.down = True
        await clock.advance(120.0)
        assert len(one.dialer.orders) == 1
        store.down = False
        await clock.advance(2.0)
        assert len(one.dialer.orders) == 2


async def test_a_write_ahead_that_fails_leaves_the_call_unplaced() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    dialer = MemoryDialer(clock, "pbx")

    async def cut(leg_ids: Sequence[str], now: datetime) -> frozenset[str]:
        raise StoreUnavailable("the database is away")

    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "start_sending", cut)
            await one.ask(KAISA)
        assert dialer.orders == []
        await clock.advance(2.0)
        assert one.numbers() == [KAISA]
        assert await one.violations() == []


async def test_a_cancellation_that_crossed_the_end_of_the_call_is_not_forgotten() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    async with gateway_of(store, clock=clock) as one:
        (callback_id,) = await one.ask(KAISA)
        assert await store.request_cancel(callback_id, "changed their mind", clock.now())
        await one.tell(end=Disposition.BUSY)
        await clock.advance(120.0)
        way = await one.way(callback_id)
        assert way.callback.state is CallbackState.CANCELED
        assert len(one.dialer.orders) == 1
        assert await one.violations() == []
