"""What every dialer over AMI must do, on the simulated PBX and on a real Asterisk alike."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from adapters.asterisk import AsteriskDialer, AsteriskSettings, Route, Secret
from adapters.lab.asterisk import AsteriskLab
from adapters.lab.numbers import number_for, suffix_world
from adapters.lab.people import WireCall
from adapters.lab.simpbx import SimulatedPbx
from adapters.lab.world import Answer, Behaviour, World
from gateway.domain.disposition import Disposition
from gateway.domain.errors import NotSent, OutcomeUnknown, Refused
from gateway.domain.events import CallEvent, CallNews, CarrierEvent, Finding, LinkDown, LinkUp
from gateway.domain.model import Leg, Role
from gateway.domain.pacing import Limits
from gateway.ports import DialOrder
from tests.support.builders import a_leg

D, N = Disposition, CallNews
CALLED = [N.ACCEPTED, N.RINGING]
TALKED = [N.ACCEPTED, N.RINGING, N.ANSWERED, N.CONNECTED]
LEFT_ALONE = [N.ACCEPTED, N.RINGING, N.ANSWERED]
SHORT = "+442079460000"
LONG = number_for("human_long")
SETTLE = 0.5
ROUTES = {
    "connect": Route(context="kairos-connect", exten="agent1", needs_agent=True),
    "missing": Route(context="kairos-connect", exten="agent90", needs_agent=True),
    "amd": Route(context="kairos-amd", exten="agent1", needs_agent=True, amd=True),
    "queue": Route(context="kairos-queue", exten="support", needs_agent=True),
    "hold": Route(context="kairos-hold", exten="wait"),
    "bridge": Route(context="kairos-bridge", exten="join", needs_agent=True),
    "talk": Route(context="kairos-talk", exten="stay"),
    "nowhere": Route(context="kairos-connect", exten="nobody"),
}


class RealClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Pbx:
    """What both have in common."""

    port: int
    secret: str
    cel_file: Path
    kill: Callable[[], Awaitable[None]]
    start: Callable[[], Awaitable[None]]
    calls: Callable[[], Iterable[WireCall]]


def _world() -> World:
    short = Behaviour(answer=Answer.HUMAN, ring_seconds=0.3, talk_seconds=1.5)
    return suffix_world().with_lines({SHORT: short})


@pytest.fixture(params=["simulated", pytest.param("asterisk", marks=pytest.mark.asterisk)])
async def pbx(request: pytest.FixtureRequest) -> AsyncIterator[Pbx]:
    if request.param == "simulated":
        async with SimulatedPbx(_world()) as sim:
            yield Pbx(sim.port, sim.secret, sim.cel_file, sim.kill, sim.start, sim.calls)
    else:
        async with AsteriskLab(_world()) as lab:
            yield Pbx(lab.ami_port, lab.secret, lab.cel_file, lab.kill, lab.start, lab.calls)


def leg_id() -> str:
    return f"k{secrets.token_hex(16)[:31]}"


@dataclass
class Rig:
    """A dialer at work, and what it told."""

    dialer: AsteriskDialer
    told: list[CarrierEvent] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        async for told in self.dialer.events():
            self.told.append(told)
            self.moved.set()

    async def until(self, holds: Callable[[], object], within: float = 15.0) -> None:
        async with asyncio.timeout(within):
            while not holds():
                self.moved.clear()
                await self.moved.wait()

    async def call(self, target: str, route: str = "talk", **changes: Any) -> str:
        """Place an order and return the leg's id."""
        order = DialOrder(
            leg_id=leg_id(),
            role=Role.CUSTOMER,
            target=target,
            queue="sales",
            route=route,
            ring_timeout=5.0,
        )
        order = replace(order, **changes)
        await self.dialer.originate(order)
        return order.leg_id

    def news(self, leg: str) -> list[CallNews]:
        return [e.news for e in self.told if isinstance(e, CallEvent) and e.leg_id == leg]

    async def heard(self, leg: str, news: CallNews) -> CallEvent:
        """Wait for this news of a leg."""
        await self.until(lambda: news in self.news(leg))
        events = (e for e in self.told if isinstance(e, CallEvent) and e.leg_id == leg)
        return next(event for event in events if event.news is news)

    def links(self, kind: type[LinkUp | LinkDown]) -> list[CarrierEvent]:
        return [told for told in self.told if isinstance(told, kind)]


@asynccontextmanager
async def working(pbx: Pbx) -> AsyncIterator[Rig]:
    settings = AsteriskSettings(
        name="pbx",
        host="127.0.0.1",
        port=pbx.port,
        username="kairos",
        secret=Secret(pbx.secret),
        channel_template="PJSIP/{number}@lab",
        routes=ROUTES,
        agents={"agent1": "PJSIP/agent1", "agent90": "PJSIP/agent90"},
        caller_id='"Kairos" <+442079460999>',
        limits=Limits(calls_per_second=50, concurrent_calls=50),
        cel_file=pbx.cel_file,
        settle=SETTLE,
        leg_prefix="k",
    )
    rig = Rig(AsteriskDialer(settings, clock=RealClock(), delays=lambda: iter([0.05] * 200)))
    tasks = [asyncio.create_task(rig.dialer.run()), asyncio.create_task(rig.read())]
    try:
        await rig.until(lambda: rig.dialer.status().up)
        yield rig
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def rig(pbx: Pbx) -> AsyncIterator[Rig]:
    async with working(pbx) as rig:
        yield rig


async def test_says_that_it_is_up_and_which_run_this_is(rig: Rig) -> None:
    (up,) = rig.links(LinkUp)
    assert isinstance(up, LinkUp)
    assert up.boot_epoch == rig.dialer.status().boot_epoch != ""
    assert not up.unbroken


@pytest.mark.parametrize(
    ("target", "route", "news", "disposition"),
    [
        (SHORT, "connect", TALKED, D.ANSWERED_HUMAN),
        (SHORT, "queue", TALKED, D.ANSWERED_HUMAN),
        (SHORT, "missing", LEFT_ALONE, D.ANSWERED_HUMAN),
        (SHORT, "talk", LEFT_ALONE, D.ANSWERED_HUMAN),
        (number_for("machine"), "amd", LEFT_ALONE, D.ANSWERED_MACHINE),
        (number_for("human", 1), "amd", TALKED, D.ANSWERED_HUMAN),
        (number_for("busy"), "talk", [N.ACCEPTED], D.BUSY),
        (number_for("decline"), "talk", CALLED, D.REJECTED),
        (number_for("not_found"), "talk", [N.ACCEPTED], D.INVALID_NUMBER),
        (number_for("unavailable"), "talk", [N.ACCEPTED], D.NO_ANSWER),
        (number_for("congestion"), "talk", [N.ACCEPTED], D.CONGESTION),
        (number_for("forbidden"), "talk", [N.ACCEPTED], D.FAILED),
        (number_for("gives_up"), "talk", CALLED, D.NO_ANSWER),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_how_calls_go(
    rig: Rig, target: str, route: str, news: list[CallNews], disposition: Disposition
) -> None:
    leg = await rig.call(target, route)
    end = await rig.heard(leg, N.ENDED)
    assert rig.news(leg) == [*news, N.ENDED]
    assert end.disposition is disposition


@pytest.mark.parametrize("name", ["ring_out", "no_reply"])
async def test_the_ring_time_is_ours(rig: Rig, name: str) -> None:
    began = time.monotonic()
    leg = await rig.call(number_for(name), ring_timeout=1.0)
    end = await rig.heard(leg, N.ENDED)
    assert 0.9 <= time.monotonic() - began < 4.0
    assert end.disposition is D.NO_ANSWER


async def test_agent_first(rig: Rig) -> None:
    agent = await rig.call("agent1", "hold", role=Role.AGENT)
    channel = (await rig.heard(agent, N.ANSWERED)).channel
    assert channel
    customer = await rig.call(SHORT, "bridge", bridge_to=channel)
    await rig.heard(customer, N.CONNECTED)
    await rig.heard(agent, N.CONNECTED)
    await rig.heard(customer, N.ENDED)
    await rig.dialer.hang_up(agent)
    await rig.heard(agent, N.ENDED)


async def test_an_agent_who_does_not_pick_up(rig: Rig) -> None:
    agent = await rig.call("agent90", "hold", role=Role.AGENT, ring_timeout=1.0)
    assert (await rig.heard(agent, N.ENDED)).disposition is D.NO_ANSWER


async def test_hang_up_while_it_rings_is_our_own_doing(rig: Rig) -> None:
    leg = await rig.call(number_for("ring_out"))
    await rig.heard(leg, N.RINGING)
    await rig.dialer.hang_up(leg)
    assert (await rig.heard(leg, N.ENDED)).disposition is D.CANCELED


async def test_hang_up_at_once_and_when_it_is_over(rig: Rig) -> None:
    leg = await rig.call(number_for("ring_out"))
    await rig.dialer.hang_up(leg)
    await rig.heard(leg, N.ENDED)
    await rig.dialer.hang_up(leg)
    await rig.dialer.hang_up(leg_id())


async def test_living_are_the_calls_under_way(rig: Rig) -> None:
    leg = await rig.call(LONG)
    channel = (await rig.heard(leg, N.ANSWERED)).channel
    assert await rig.dialer.living() == {leg: channel}
    await rig.dialer.hang_up(leg, channel)
    await rig.heard(leg, N.ENDED)
    await _in_time(rig.dialer.living, lambda living: not living)


async def test_an_order_that_is_refused_places_nothing(rig: Rig, pbx: Pbx) -> None:
    with pytest.raises(Refused):
        await rig.call(LONG, "nowhere")
    assert await rig.dialer.living() == {}
    assert list(pbx.calls()) == []


async def test_a_leg_is_placed_once(rig: Rig, pbx: Pbx) -> None:
    leg = await rig.call(LONG)
    with pytest.raises(OutcomeUnknown):
        await rig.call(LONG, leg_id=leg)
    await rig.heard(leg, N.ANSWERED)
    assert len(list(pbx.calls())) == 1


async def test_many_at_once_end_once_each(rig: Rig) -> None:
    legs = [await rig.call(number_for("busy", n)) for n in range(30)]
    for leg in legs:
        await rig.heard(leg, N.ENDED)
        assert rig.news(leg).count(N.ENDED) == 1


async def test_a_pbx_that_dies_and_comes_back(rig: Rig, pbx: Pbx) -> None:
    leg = await rig.call(LONG)
    await rig.heard(leg, N.ANSWERED)
    before = rig.dialer.status().boot_epoch
    sent = datetime.now(UTC)
    await pbx.kill()
    await rig.until(lambda: rig.links(LinkDown))
    assert not rig.dialer.status().up
    with pytest.raises(NotSent):
        await rig.call(LONG)
    await asyncio.sleep(1.0)  # the run's name is a time in whole seconds
    await pbx.start()
    await rig.until(lambda: len(rig.links(LinkUp)) == 2)
    assert rig.dialer.status().boot_epoch != before
    assert await rig.dialer.living() == {}
    finding = await _find(rig, leg, sent, before)
    assert (finding.placed, finding.disposition) == (True, D.ANSWERED_HUMAN)


async def test_a_new_gateway_takes_over_a_call(pbx: Pbx) -> None:
    async with working(pbx) as first:
        leg = await first.call(LONG, "connect")
        await first.heard(leg, N.CONNECTED)
    async with working(pbx) as second:
        await second.heard(leg, N.CONNECTED)
        await second.dialer.hang_up(leg)
        assert (await second.heard(leg, N.ENDED)).disposition is D.ANSWERED_HUMAN


T = TypeVar("T")


async def _in_time(ask: Callable[[], Awaitable[T]], good: Callable[[T], object]) -> T:
    """Ask until the answer is good, for five seconds: evidence comes a moment after the news."""
    answer = await ask()
    for _ in range(100):
        if good(answer):
            break
        await asyncio.sleep(0.05)
        answer = await ask()
    return answer


async def _find(rig: Rig, leg: str, sent: datetime, epoch: str = "") -> Finding:
    found: Leg = a_leg(id=leg, sending_at=sent, boot_epoch=epoch or rig.dialer.status().boot_epoch)
    return (await rig.dialer.findings([found]))[leg]


@pytest.mark.parametrize(
    ("target", "disposition"),
    [(SHORT, D.ANSWERED_HUMAN), (number_for("busy"), D.BUSY), (number_for("decline"), D.REJECTED)],
)
async def test_lasting_evidence_of_a_call_that_is_over(
    rig: Rig, target: str, disposition: Disposition
) -> None:
    sent = datetime.now(UTC)
    leg = await rig.call(target, "connect")
    await rig.heard(leg, N.ENDED)
    finding = await _in_time(lambda: _find(rig, leg, sent), lambda f: f.disposition is not None)
    assert (finding.placed, finding.disposition) == (True, disposition)
    assert finding.ended_at
    assert (finding.connected_at is not None) == (disposition is D.ANSWERED_HUMAN)


async def test_that_a_call_was_not_placed_takes_proof(rig: Rig) -> None:
    canary = await rig.call(number_for("busy"))
    await rig.heard(canary, N.ENDED)
    await rig.dialer.findings([a_leg(id=canary)])
    sent, never = datetime.now(UTC), leg_id()
    assert (await _find(rig, never, sent)).placed is None
    await asyncio.sleep(SETTLE + 0.1)
    assert (await _find(rig, never, sent)).placed is None, "nothing was written since"
    await rig.heard(await rig.call(number_for("busy", 1)), N.ENDED)
    finding = await _in_time(lambda: _find(rig, never, sent), lambda f: f.placed is not None)
    assert finding.placed is False
