"""How carriers and the database stand is logged when it changes, once, and names nobody."""

from __future__ import annotations

import json
from collections.abc import Awaitable

import structlog

from adapters.memory import ManualClock, MemoryStore
from gateway.domain.change import Change
from gateway.domain.disposition import Disposition
from gateway.domain.errors import StoreUnavailable
from gateway.domain.events import CallNews
from tests.support.harness import gateway_of

KAISA = "+358401234567"


class FlakyStore(MemoryStore):
    """A memory store that can be made to take no changes."""

    trouble = ""

    def submit(self, change: Change) -> Awaitable[None]:
        return self._refuse() if self.trouble else super().submit(change)

    async def _refuse(self) -> None:
        raise StoreUnavailable(self.trouble)


async def test_a_carrier_that_goes_and_comes_back_is_two_lines() -> None:
    with structlog.testing.capture_logs() as logs:
        async with gateway_of() as one:
            await one.ask(KAISA)
            one.dialer.link_down()
            await one.clock.advance(300.0)
            one.dialer.link_up()
            await one.clock.advance(300.0)
    told = [line["event"] for line in logs if line["event"].startswith("carrier.")]
    assert told == ["carrier.up", "carrier.down", "carrier.up"]
    assert "1234567" not in json.dumps(logs, default=str)


async def test_a_database_that_goes_and_comes_back_is_two_lines_however_often_it_is_tried() -> None:
    clock = ManualClock()
    store = FlakyStore(clock)
    with structlog.testing.capture_logs() as logs:
        async with gateway_of(store, clock=clock) as one:
            await one.ask(KAISA)
            store.trouble = "the database is away"
            await one.tell(CallNews.RINGING, CallNews.ANSWERED, CallNews.CONNECTED)
            await clock.advance(120.0)
            store.trouble = "the disk is full"
            await clock.advance(120.0)
            await one.tell(end=Disposition.ANSWERED_HUMAN)
            store.trouble = ""
            await clock.advance(120.0)
            assert one.gateway.health().database_trouble == ""
    told = [line["event"] for line in logs if line["event"].startswith("database.")]
    assert told == ["database.unavailable", "database.available"]
    assert "1234567" not in json.dumps(logs, default=str)
