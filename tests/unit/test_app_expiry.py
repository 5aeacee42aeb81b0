"""Callbacks that nobody can serve come to an end at their deadline."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace

from adapters.memory import ManualClock, MemoryDialer, MemoryStore
from gateway.app.spec import QueueSpec
from gateway.domain.change import Change
from gateway.domain.errors import StoreUnavailable
from gateway.domain.machine import CallbackState
from tests.support.harness import gateway_of

KAISA = "+358401234567"
SUPPORT = QueueSpec(name="support", carriers=("pbx",), route="connect")
GONE = replace(SUPPORT, name="gone")


class FullDisk(MemoryStore):
    """A memory store that can be read and not written."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.full = False
        self.submitted = 0

    def submit(self, change: Change) -> Awaitable[None]:
        self.submitted += 1
        return self._refuse() if self.full else super().submit(change)

    async def _refuse(self) -> None:
        raise StoreUnavailable("no space is left for the database")


async def test_a_callback_of_a_queue_that_is_gone_expires_at_its_deadline() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    down = MemoryDialer(clock, "pbx", up=False)
    async with gateway_of(store, clock=clock, dialer=down, more_queues=(GONE,), crash=True) as one:
        (callback_id,) = await one.ask(KAISA, queue="gone", hours=3.0)
    async with gateway_of(store, clock=clock) as one:
        await clock.advance(5 * 3600.0)
        callback = (await one.way(callback_id)).callback
        assert callback.state is CallbackState.EXPIRED
        assert one.dialer.orders == []


async def test_what_expires_while_nothing_can_be_written_does_not_pile_up() -> None:
    clock = ManualClock()
    store = FullDisk(clock)
    dialer = MemoryDialer(clock, "pbx", up=False)
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        (callback_id,) = await one.ask(KAISA, hours=0.1)
        store.full = True
        await clock.advance(3600.0)
        store.full = False
        before = store.submitted
        await clock.advance(30.0)
        assert store.submitted - before < 5
        assert (await one.way(callback_id)).callback.state is CallbackState.EXPIRED
