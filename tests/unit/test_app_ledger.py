"""What the ledger makes of a database that fails in the middle of things."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from adapters.memory import ManualClock, MemoryDialer, MemoryStore
from gateway.app.ledger import Ledger
from gateway.domain.change import Change
from gateway.domain.disposition import Disposition
from gateway.domain.errors import BadInput, Conflict, StoreUnavailable
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState, LegState
from gateway.ports import History
from tests.support.harness import gateway_of

KAISA, OLLI = "+358401234567", "+358501234589"


class FailingStore(MemoryStore):
    """A memory store that fails in ways only a real database would."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self._time = clock
        self.answers = True  # whether a commit is confirmed; it is kept in any case
        self.reads = True
        self.refuses: Exception | None = None
        self.submitted = 0

    def submit(self, change: Change) -> Awaitable[None]:
        self.submitted += 1
        if self.refuses and change.callback is not None:
            return self._refuse(self.refuses)
        kept = super().submit(change)
        return kept if self.answers else self._unheard(kept)

    async def history(self, callback_id: str) -> History | None:
        if not self.reads:
            raise StoreUnavailable("the database is away")
        return await super().history(callback_id)

    async def _refuse(self, error: Exception) -> None:
        raise error

    async def _unheard(self, kept: Awaitable[None]) -> None:
        await kept
        await self._time.sleep(0.2)
        raise StoreUnavailable("the connection broke while committing")


async def test_commits_that_were_kept_though_unconfirmed_leave_the_last_word_standing() -> None:
    clock = ManualClock()
    store = FailingStore(clock)
    async with gateway_of(store, clock=clock) as one:
        (callback_id,) = await one.ask(KAISA)
        store.answers = False
        one.dialer.tell(one.leg(), CallNews.ANSWERED)
        one.dialer.tell(one.leg(), CallNews.CONNECTED)
        one.dialer.end(one.leg(), Disposition.ANSWERED_HUMAN)
        await clock.advance(0.5)
        store.answers = True
        await clock.advance(2.0)
        way = await one.way(callback_id)
        assert way.callback.state is CallbackState.DONE
        assert [leg.state for leg in way.legs] == [LegState.ENDED]
        assert [leg.disposition for leg in way.legs] == [Disposition.ANSWERED_HUMAN]
        assert [step.kind for step in way.steps].count("attempt_over") == 1
        assert await one.violations() == []


async def test_a_database_that_goes_while_a_conflict_is_looked_into_is_waited_for() -> None:
    clock = ManualClock()
    store = FailingStore(clock)
    async with gateway_of(store, clock=clock) as one:
        (callback_id,) = await one.ask(KAISA)
        assert await store.request_cancel(callback_id, "changed their mind", clock.now())
        store.reads = False
        await one.tell(end=Disposition.BUSY)
        await clock.advance(5.0)
        assert one.gateway.health().database_trouble
        store.reads = True
        await clock.advance(120.0)
        assert (await one.way(callback_id)).callback.state is CallbackState.CANCELED
        assert await one.violations() == []


async def test_a_cancellation_during_a_call_closes_the_callback_when_the_call_ends() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    async with gateway_of(store, clock=clock) as one:
        (callback_id,) = await one.ask(KAISA)
        assert await store.request_cancel(callback_id, "changed their mind", clock.now())
        await one.tell(end=Disposition.BUSY)
        callback = (await one.way(callback_id)).callback
        assert (callback.state, callback.due_at) == (CallbackState.CANCELED, None)
        assert callback.closed_at is not None


@pytest.mark.parametrize("refusal", [Conflict("for ever"), BadInput("reason", "cannot be kept")])
async def test_a_change_that_is_refused_for_ever_does_not_hold_up_the_others(
    refusal: Exception,
) -> None:
    clock = ManualClock()
    store = FailingStore(clock)
    async with gateway_of(store, clock=clock) as one:
        await one.ask(KAISA)
        store.refuses = refusal
        await asyncio.wait_for(one.tell(end=Disposition.BUSY), 5.0)
        assert store.submitted < 20
        store.refuses = None
        (callback_id,) = await one.ask(OLLI)
        await one.tell(end=Disposition.ANSWERED_HUMAN)
        assert [leg.state for leg in await one.legs(callback_id)] == [LegState.ENDED]


async def test_late_news_of_an_answer_that_crosses_the_next_calls_end_stops_the_calls() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    dialer = MemoryDialer(clock, "pbx")
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        (callback_id,) = await one.ask(KAISA)
        dialer.vanish(one.leg())
        await clock.advance(150.0)  # nobody can tell what became of it: the next call is made
        assert len(dialer.orders) == 2
        late = store.submit

        def submit(change: Change) -> Awaitable[None]:
            kept = late(change)
            if change.callback is not None and change.callback.answered_late:
                store.submit = late  # type: ignore[method-assign]
                dialer.end(one.leg(), Disposition.BUSY)  # before the upgrade is confirmed

                async def slow() -> None:
                    await kept
                    await clock.sleep(0.02)

                return slow()
            return kept

        store.submit = submit  # type: ignore[method-assign]
        dialer.tell(one.leg(0), CallNews.CONNECTED)
        dialer.tell(one.leg(0), CallNews.ENDED, Disposition.ANSWERED_HUMAN)
        await clock.advance(600.0)
        assert len(dialer.orders) == 2, "somebody who was reached was called again"
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE
        assert await one.violations() == []


async def test_what_is_written_by_now_is_durable_soon_however_much_follows() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    await store.open()

    class Slow(MemoryStore):
        def submit(self, change: Change) -> Awaitable[None]:
            return clock.sleep(1.0)

    ledger = Ledger(Slow(clock), clock, lambda: None)
    running = asyncio.ensure_future(ledger.run())
    ledger.write(Change(at=clock.now()))
    flushed = asyncio.ensure_future(ledger.flushed())
    for _ in range(20):
        ledger.write(Change(at=clock.now()))
        await clock.advance(0.5)
    assert flushed.done()
    running.cancel()
    flushed.cancel()
    await asyncio.gather(running, flushed, return_exceptions=True)
    await clock.advance(2.0)
