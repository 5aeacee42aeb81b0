"""The panic button: after it returned nothing is sent, until somebody resumes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from adapters.memory import ManualClock, MemoryDialer, MemoryStore
from gateway.app.holds import Holds
from gateway.app.spec import QueueSpec
from gateway.domain.change import Decide, Demand
from gateway.domain.disposition import Disposition
from gateway.domain.errors import BadInput, StoreUnavailable
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Flight
from gateway.domain.pacing import Limits
from gateway.domain.records import HOLD_ALL, Hold, hold_on
from gateway.observability import redact
from gateway.ports import DialOrder
from tests.support.harness import Harness, gateway_of

KAISA, OLLI = "+358401234567", "+358501234589"
SALES = QueueSpec(name="sales", carriers=("pbx",), route="connect")
DESK = QueueSpec(
    name="desk", carriers=("pbx",), route="bridge", hold_route="hold", agents=("PJSIP/anna",)
)


class SlowStore(MemoryStore):
    """A memory store whose answers take their time, before and after they take effect."""

    def __init__(
        self, clock: ManualClock, before: float = 0.0, after: float = 0.0, holding: float = 0.0
    ) -> None:
        super().__init__(clock)
        self.waits = clock
        self.before, self.after, self.holding = before, after, holding
        self.down = False
        self.claims = 0

    async def claim(self, now: datetime, demands: Sequence[Demand], decide: Decide) -> list[Flight]:
        self.claims += 1
        await self.waits.sleep(self.before)
        found = await super().claim(now, demands, decide)
        await self.waits.sleep(self.after)
        return found

    async def start_sending(self, leg_ids: Sequence[str], now: datetime) -> frozenset[str]:
        await self.waits.sleep(self.before)
        granted = await super().start_sending(leg_ids, now)
        await self.waits.sleep(self.after)
        return granted

    async def hold(self, hold: Hold) -> None:
        if self.down:
            raise StoreUnavailable("no space is left for the database")
        await self.waits.sleep(self.holding)
        await super().hold(hold)

    async def holds(self) -> list[Hold]:
        if self.down:
            raise StoreUnavailable("no space is left for the database")
        return await super().holds()


class SlowDialer(MemoryDialer):
    """A carrier that writes an order a while after it was handed it."""

    def __init__(self, clock: ManualClock, delay: float) -> None:
        limits = Limits(calls_per_second=20.0, concurrent_calls=100, burst=2)
        super().__init__(clock, "pbx", limits)
        self.waits = clock
        self.delay = delay

    async def originate(self, order: DialOrder) -> None:
        await self.waits.sleep(self.delay)
        await super().originate(order)


async def _pressed(one: Harness) -> tuple[int, bool]:
    """Stop everything; returns how many orders were written by then, and whether it returned."""
    pressed = asyncio.ensure_future(one.office.holds.stop_all(by="anna", reason="wrong list"))
    for _ in range(40):
        if pressed.done():
            break
        await one.clock.advance(0.01)
    written = len(one.dialer.orders)
    if not pressed.done():
        pressed.cancel()
        return written, False
    pressed.result()
    return written, True


delays = st.sampled_from([0.0, 0.005, 0.02, 0.06])


@settings(max_examples=100)
@given(st.integers(1, 8), delays, delays, delays, delays, st.integers(0, 40))
async def test_after_it_returned_nothing_is_written_wherever_the_calls_were_then(
    people: int, before: float, after: float, holding: float, wire: float, moment: int
) -> None:
    clock = ManualClock()
    store, dialer = SlowStore(clock, before, after, holding), SlowDialer(clock, wire)
    async with gateway_of(store, clock=clock, dialer=dialer) as one:
        asking = asyncio.ensure_future(one.ask(*(f"+35840000{n:04}" for n in range(people))))
        await clock.advance(moment * 0.01)
        written, returned = await _pressed(one)
        assert returned
        await clock.advance(120.0)
        assert len(dialer.orders) == written, "a call went out after the panic button returned"
        for n in range(written):
            await one.tell(CallNews.RINGING, n=n, end=Disposition.ANSWERED_HUMAN)
        ids = await asking
        assert await one.violations() == []
        await one.office.holds.resume(by="anna")
        await clock.advance(60.0)
        assert sorted(set(one.numbers())) == sorted(one.numbers()), "nobody is called twice"
        assert len(one.numbers()) == len(ids)
        assert await one.violations() == []


async def test_reserved_legs_are_given_back_at_once_and_their_journal_says_why() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx", Limits(calls_per_second=1, concurrent_calls=9, burst=1))
    queue = QueueSpec(name="support", carriers=("pbx",), route="connect")
    async with gateway_of(clock=clock, dialer=dialer, queue=queue) as one:
        ids = await one.ask(KAISA, OLLI, "+358451111111", "+358452222222")
        held = await one.office.holds.stop_all(by="anna", reason="wrong list +358 40 1234567")
        assert held.target == HOLD_ALL
        await clock.advance(0.0)
        ways = [await one.way(each) for each in ids]
        assert not [leg for way in ways for leg in way.legs if leg.state is LegState.RESERVED]
        texts = [step.text for way in ways for step in way.steps]
        assert "not sent: all calls are held by anna: wrong list …" in texts
        assert one.gateway.health().holds == (held,)


async def test_a_held_queue_waits_and_the_others_go_on() -> None:
    async with gateway_of(more_queues=[SALES]) as one:
        await one.office.holds.hold_queue("sales", by="anna", reason="no stock")
        await one.ask(KAISA, queue="sales")
        await one.ask(OLLI)
        await one.clock.advance(60.0)
        assert one.numbers() == [OLLI]
        lifted = await one.office.holds.resume(hold_on("sales"), by="olli")
        assert lifted is not None
        assert lifted.by == "anna"
        await one.clock.advance(0.05)
        assert one.numbers() == [OLLI, KAISA]
        assert await one.office.holds.resume(hold_on("sales"), by="olli") is None
        with pytest.raises(BadInput, match="known are: sales, support"):
            await one.office.holds.hold_queue("slaes", by="anna")


async def test_a_hold_survives_a_restart_and_the_first_who_held_is_named() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    async with gateway_of(store, clock=clock, crash=True) as one:
        first = await one.office.holds.stop_all(by="anna")
        await clock.advance(5.0)
        assert await one.office.holds.stop_all(by="olli") == first
    async with gateway_of(store, clock=clock) as one:
        await one.ask(KAISA)
        await clock.advance(3600.0)
        assert one.numbers() == []
        assert one.office.holds.standing() == [first]
        assert [reason.code for reason in await one.office.why.why()][:1] == ["hold"]
        await one.office.holds.resume(by="olli")
        await clock.advance(0.05)
        assert one.numbers() == [KAISA]


async def test_the_log_says_what_is_held_and_let_go() -> None:
    store = MemoryStore(clock := ManualClock())
    async with gateway_of(store, clock=clock, more_queues=[SALES]) as one:
        with capture_logs() as logged:
            await one.office.holds.hold_queue("sales", by="anna")
            await one.office.holds.resume(hold_on("sales"), by="olli")
    kept = [redact(None, "", dict(line)) for line in logged if line["event"].startswith("calls.")]
    assert [(line["event"], line["held"]) for line in kept] == [
        ("calls.held", "queue:sales"),
        ("calls.resumed", "queue:sales"),
    ]


async def test_a_hold_of_another_process_stops_at_once_and_is_shown_within_seconds() -> None:
    clock = ManualClock()
    store = SlowStore(clock)
    async with gateway_of(store, clock=clock) as one:
        other = Holds(store=store, clock=clock, rules=one.gateway.rules)
        await other.stop_all(by="olli")
        before = store.claims
        await one.ask(KAISA)
        assert one.numbers() == []
        await clock.advance(10.0)
        assert [hold.by for hold in one.gateway.health().holds] == ["olli"]
        assert store.claims - before < 30, "nobody asks all the time for what is held"
        await other.resume(by="olli")
        await clock.advance(6.0)
        assert one.numbers() == [KAISA]


async def test_a_hold_that_cannot_be_kept_stops_calls_all_the_same_and_is_kept_later() -> None:
    clock = ManualClock()
    store = SlowStore(clock)
    async with gateway_of(store, clock=clock) as one:
        store.down = True
        with pytest.raises(StoreUnavailable, match="nothing is sent"):
            await one.office.holds.stop_all(by="anna")
        await one.ask(KAISA)
        await clock.advance(30.0)
        assert one.numbers() == []
        assert await MemoryStore.holds(store) == []
        store.down = False
        await clock.advance(6.0)
        assert [hold.by for hold in await store.holds()] == ["anna"]
        await one.office.holds.resume(by="anna")
        await clock.advance(0.05)
        assert one.numbers() == [KAISA]


async def test_an_agent_who_waits_is_let_go_when_the_contact_may_not_be_called_any_more() -> None:
    async with gateway_of(more_queues=[DESK]) as one:
        (callback_id,) = await one.ask(KAISA, queue="desk")
        await one.office.holds.stop_all(by="anna")
        await one.tell(CallNews.ANSWERED)
        await one.clock.advance(1.0)
        assert one.numbers() == []
        assert one.dialer.hung_up == [one.leg(0)]
        assert (await one.way(callback_id)).callback.state is CallbackState.SCHEDULED
        assert await one.violations() == []


async def test_a_call_that_rings_goes_on_while_all_is_held() -> None:
    async with gateway_of() as one:
        (callback_id,) = await one.ask(KAISA)
        await one.office.holds.stop_all(by="anna")
        await one.tell(
            CallNews.ANSWERED, CallNews.CONNECTED, after=5.0, end=Disposition.ANSWERED_HUMAN
        )
        assert (await one.way(callback_id)).callback.state is CallbackState.DONE
        assert one.dialer.hung_up == []


async def test_what_expires_while_it_is_held_says_so() -> None:
    async with gateway_of() as one:
        await one.office.holds.stop_all(by="anna")
        (callback_id,) = await one.ask(KAISA, hours=0.1)
        await one.clock.advance(3600.0)
        callback = (await one.way(callback_id)).callback
        assert callback.state is CallbackState.EXPIRED
        assert callback.state_reason == "the deadline passed while all calls are held by anna"
