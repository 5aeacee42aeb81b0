"""The dialer and one PBX under load, under faults, frozen and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from adapters.asterisk import AsteriskDialer, AsteriskSettings, Route, Secret
from adapters.lab.asterisk import AsteriskLab
from adapters.lab.faults import FaultRates, Faults
from adapters.lab.numbers import number_for, suffix_world
from adapters.lab.simpbx import SimulatedPbx
from adapters.lab.world import Answer, Behaviour
from gateway.domain.disposition import Disposition
from gateway.domain.errors import DialError, LoginRefused, NotSent
from gateway.domain.events import CallEvent, CallNews, CarrierEvent, LinkDown, LinkUp
from gateway.domain.model import Role
from gateway.domain.pacing import Limits
from gateway.ports import DialOrder

SHORT = "+442079460000"
WORLD = suffix_world().with_lines(
    {SHORT: Behaviour(answer=Answer.HUMAN, ring_seconds=0.1, talk_seconds=0.5)}
)


class RealClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Desk:
    """A dialer at work, and what it told."""

    def __init__(self, port: int, secret: str) -> None:
        self.told: list[CarrierEvent] = []
        self.moved = asyncio.Event()
        settings = AsteriskSettings(
            name="pbx",
            host="127.0.0.1",
            port=port,
            username="kairos",
            secret=Secret(secret),
            channel_template="PJSIP/{number}@lab",
            routes={"talk": Route(context="kairos-talk", exten="stay")},
            limits=Limits(calls_per_second=50, concurrent_calls=50),
            ping_interval=0.5,
            ping_timeout=0.5,
            ack_timeout=2.0,
        )
        self.dialer = AsteriskDialer(settings, clock=RealClock(), delays=lambda: [0.1] * 100)

    async def read(self) -> None:
        async for told in self.dialer.events():
            self.told.append(told)
            self.moved.set()

    async def until(self, holds: Callable[[], object], within: float = 20.0) -> None:
        async with asyncio.timeout(within):
            while not holds():
                self.moved.clear()
                await self.moved.wait()

    async def call(self, target: str) -> str:
        leg = f"kairos{secrets.token_hex(13)}"
        order = DialOrder(
            leg_id=leg,
            role=Role.CUSTOMER,
            target=target,
            queue="sales",
            route="talk",
            ring_timeout=10.0,
        )
        await self.dialer.originate(order)
        return leg

    def ends(self) -> dict[str, Disposition | None]:
        return {
            event.leg_id: event.disposition
            for event in self.told
            if isinstance(event, CallEvent) and event.news is CallNews.ENDED
        }

    def count(self, kind: type[LinkUp | LinkDown]) -> int:
        return sum(isinstance(told, kind) for told in self.told)


@asynccontextmanager
async def working(port: int, secret: str) -> AsyncIterator[Desk]:
    desk = Desk(port, secret)
    tasks = [asyncio.create_task(desk.dialer.run()), asyncio.create_task(desk.read())]
    try:
        await desk.until(lambda: desk.count(LinkUp))
        yield desk
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def lab() -> AsyncIterator[AsteriskLab]:
    async with AsteriskLab(WORLD) as lab:
        yield lab


@pytest.mark.asterisk
async def test_a_frozen_asterisk_is_noticed(lab: AsteriskLab) -> None:
    async with working(lab.ami_port, lab.secret) as desk:
        lab.freeze()
        try:
            await desk.until(lambda: desk.count(LinkDown))
            with pytest.raises(NotSent):
                await desk.call(SHORT)
        finally:
            lab.thaw()
        await desk.until(lambda: desk.count(LinkUp) == 2)
        epochs = {told.boot_epoch for told in desk.told if isinstance(told, LinkUp)}
        assert len(epochs) == 1, "the same run of Asterisk"
        await desk.call(SHORT)


@pytest.mark.asterisk
async def test_an_asterisk_that_says_goodbye(lab: AsteriskLab) -> None:
    async with working(lab.ami_port, lab.secret) as desk:
        leg = await desk.call(number_for("human_long"))
        await desk.until(lambda: any(isinstance(told, CallEvent) for told in desk.told))
        await lab.stop()
        await desk.until(lambda: desk.count(LinkDown))
        assert not desk.dialer.status().up
        await lab.start()
        await desk.until(lambda: desk.count(LinkUp) == 2)
        assert leg not in await desk.dialer.living()


@pytest.mark.asterisk
async def test_a_wrong_secret(lab: AsteriskLab) -> None:
    with pytest.raises(LoginRefused):
        await Desk(lab.ami_port, "wrong").dialer.run()


@pytest.mark.asterisk
async def test_a_duplicate_from_elsewhere_does_not_end_our_call(lab: AsteriskLab) -> None:
    async with working(lab.ami_port, lab.secret) as desk, lab.session() as other:
        leg = await desk.call(number_for("human_long"))
        await desk.until(lambda: desk.dialer._translator.channel_of(leg))
        again = {
            "Channel": f"PJSIP/{SHORT}@lab",
            "Context": "kairos-talk",
            "Exten": "stay",
            "Priority": "1",
            "Async": "true",
            "ChannelId": leg,
            "ActionID": "again",
        }
        await other.action("Originate", again)
        refused = await other.event("OriginateResponse", ActionID="again")
        assert (refused["Response"], refused["Uniqueid"]) == ("Failure", leg)
        await desk.dialer.living()
        await asyncio.sleep(0.5)
        assert desk.ends() == {}
        assert leg in await desk.dialer.living()


@pytest.mark.asterisk
async def test_a_burst_of_all_kinds(lab: AsteriskLab) -> None:
    kinds = {
        "busy": Disposition.BUSY,
        "decline": Disposition.REJECTED,
        "not_found": Disposition.INVALID_NUMBER,
        "leaves": Disposition.ANSWERED_HUMAN,
        "congestion": Disposition.CONGESTION,
    }
    async with working(lab.ami_port, lab.secret) as desk:
        expected = {}
        for n in range(60):
            kind = list(kinds)[n % len(kinds)]
            expected[await desk.call(number_for(kind, n))] = kinds[kind]
        await desk.until(lambda: len(desk.ends()) == len(expected), within=40.0)
        assert desk.ends() == expected
        assert len(desk.dialer._translator) == 0


@pytest.mark.parametrize("seed", range(3))
async def test_doubled_swapped_and_late_events_change_nothing(seed: int) -> None:
    rates = FaultRates(event_twice=0.2, event_swapped=0.1, event_late=0.1)
    faults = Faults(rates, seed=seed, late_seconds=0.2)
    async with (
        SimulatedPbx(WORLD, seed=seed, faults=faults) as pbx,
        working(pbx.port, pbx.secret) as desk,
    ):
        legs = [await desk.call(number_for("busy", n)) for n in range(20)]
        await desk.until(lambda: len(desk.ends()) == len(legs))
        # What comes within a quarter of a second of the refusal is waited for.
        assert set(desk.ends().values()) == {Disposition.BUSY}


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_goes_wrong_no_leg_ends_twice_and_the_link_comes_back(seed: int) -> None:
    rates = FaultRates.parse(
        "cut_before=0.05,cut_after=0.05,ack_lost=0.05,ack_twice=0.05,restart_after=0.02,"
        "event_lost=0.05,event_twice=0.1,event_late=0.1,event_swapped=0.1,garbage=0.02,torn=0.02"
    )
    faults = Faults(rates, seed=seed, late_seconds=0.2)
    async with (
        SimulatedPbx(WORLD, seed=seed, faults=faults) as pbx,
        working(pbx.port, pbx.secret) as desk,
    ):
        for n in range(40):
            with contextlib.suppress(DialError):
                await desk.call(number_for(("busy", "leaves")[n % 2], n))
            await asyncio.sleep(0.02)
        pbx.faults = Faults()
        await desk.until(lambda: desk.dialer.status().up)
        told = [t for t in desk.told if isinstance(t, CallEvent) and t.news is CallNews.ENDED]
        assert max(Counter(event.leg_id for event in told).values()) == 1
