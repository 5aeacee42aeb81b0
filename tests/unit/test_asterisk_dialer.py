"""The dialer against a scripted Asterisk. Numbers are rows of the table in decision 0030."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.asterisk import AsteriskDialer, AsteriskSettings, Route
from adapters.memory.clock import ManualClock
from gateway.domain.disposition import Disposition
from gateway.domain.errors import DialError, LoginRefused, NotSent, OutcomeUnknown, Refused
from gateway.domain.events import CallEvent, CallNews, CarrierEvent, LinkDown, LinkUp
from gateway.domain.model import Role
from gateway.ports import DialOrder
from tests.support.builders import a_leg
from tests.support.fake_ami import FakeAmi, event, fail, listing, silence, succeed
from tests.support.link_rig import settings_for

LEG = "k".ljust(32, "1")
OTHER = "k".ljust(32, "2")
CHANNEL = "PJSIP/trunk-00000001"
ROUTES = {
    "connect": Route(context="kairos-connect", exten="agent1", needs_agent=True),
    "bridge": Route(
        context="kairos-bridge", exten="join", priority=2, variables={"NOTE": "a, b", "X": "1"}
    ),
}


def order(leg_id: str = LEG, **changes: Any) -> DialOrder:
    plain = DialOrder(
        leg_id=leg_id,
        role=Role.CUSTOMER,
        target="+358401234567",
        queue="sales",
        route="connect",
        ring_timeout=20.0,
    )
    return replace(plain, **changes)


class Desk:
    """A dialer at work, and what it told."""

    def __init__(self, ami: FakeAmi, **changes: Any) -> None:
        self.ami = ami
        self.clock = ManualClock()
        self.told: list[CarrierEvent] = []
        self.reads = asyncio.Event()
        self.reads.set()
        settings: AsteriskSettings = settings_for(
            ami,
            routes=ROUTES,
            agents={"anna": "PJSIP/anna@desk"},
            caller_id='"Kairos" <+358901234>',
            ack_timeout=0.2,
            **changes,
        )
        self.dialer = AsteriskDialer(settings, clock=self.clock, delays=lambda: iter([1.0]))

    async def read(self) -> None:
        async for told in self.dialer.events():
            self.told.append(told)
            self.ami.changed.set()
            await self.reads.wait()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds, while the clock goes on."""
        async with asyncio.timeout(5):
            while not holds():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        self.ami.changed.clear()
                        await self.ami.changed.wait()
                await self.clock.advance(0.1)

    def news(self, leg_id: str = LEG) -> list[CallNews]:
        return [e.news for e in self.told if isinstance(e, CallEvent) and e.leg_id == leg_id]

    async def end(self, leg_id: str = LEG) -> CallEvent:
        """Wait for the end of a leg."""
        await self.until(lambda: CallNews.ENDED in self.news(leg_id))
        return [e for e in self.told if isinstance(e, CallEvent) and e.leg_id == leg_id][-1]

    @property
    def ups(self) -> list[LinkUp]:
        return [told for told in self.told if isinstance(told, LinkUp)]

    @property
    def downs(self) -> list[LinkDown]:
        return [told for told in self.told if isinstance(told, LinkDown)]

    def sent(self) -> str:
        """The ActionID of the newest order."""
        return self.ami.named("Originate")[-1].get("ActionID")

    def says(self, name: str, **headers: str) -> None:
        self.ami.live.send(event(name, **headers))


@contextlib.asynccontextmanager
async def working(desk: Desk, *, up: bool = True) -> AsyncIterator[Desk]:
    tasks = [asyncio.create_task(desk.dialer.run()), asyncio.create_task(desk.read())]
    try:
        if up:
            await desk.until(lambda: desk.ups)
        yield desk
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as fake:
        yield fake


@pytest.fixture
async def desk(ami: FakeAmi) -> AsyncIterator[Desk]:
    async with working(Desk(ami)) as desk:
        yield desk


async def test_tells_the_run_of_asterisk_when_it_is_up(desk: Desk) -> None:
    assert [up.boot_epoch for up in desk.ups] == ["2026-03-10T10:00:00"]
    assert not desk.ups[0].unbroken
    status = desk.dialer.status()
    assert (status.up, status.boot_epoch) == (True, "2026-03-10T10:00:00")


async def test_what_an_order_looks_like(desk: Desk) -> None:
    await desk.dialer.originate(order())
    (sent,) = desk.ami.named("Originate")
    assert dict(sent.lines) == {
        "Action": "Originate",
        "ActionID": sent.get("ActionID"),
        "Channel": "PJSIP/+358401234567@trunk",
        "ChannelId": LEG,
        "Context": "kairos-connect",
        "Exten": "agent1",
        "Priority": "1",
        "Timeout": "20000",
        "Async": "true",
        "CallerID": '"Kairos" <+358901234>',
    }
    await desk.until(lambda: desk.news() == [CallNews.ACCEPTED])


async def test_variables_go_one_by_one_with_commas_escaped(desk: Desk) -> None:
    await desk.dialer.originate(order(route="bridge", bridge_to="PJSIP/anna-00000009"))
    (sent,) = desk.ami.named("Originate")
    assert sent.all("Variable") == ["NOTE=a\\, b", "X=1", "KAIROS_AGENT=PJSIP/anna-00000009"]
    assert sent.get("Priority") == "2"


async def test_an_agent_s_target_comes_from_the_configuration(desk: Desk) -> None:
    await desk.dialer.originate(order(role=Role.AGENT, target="anna"))
    assert desk.ami.named("Originate")[0].get("Channel") == "PJSIP/anna@desk"
    with pytest.raises(Refused):
        await desk.dialer.originate(order(OTHER, role=Role.AGENT, target="Local/1@any"))


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "358401234567"},
        {"target": "+0401234567"},
        {"target": "+358 40"},
        {"target": "+3584&PJSIP/+1900"},
        {"target": "+358401\r\nAction: Command"},
        {"target": "+35840123456789012"},
        {"target": "+3584\u06601234567"},
        {"target": "anna"},
        {"route": "nowhere"},
        {"leg_id": "short"},
        {"leg_id": "x" * 32},
        {"leg_id": "k" + "A" * 31},
        {"bridge_to": "PJSIP/a\nAction: x"},
        {"bridge_to": "/PJSIP.*/"},
        {"bridge_to": "a,b=c"},
    ],
)
async def test_what_is_refused_never_reaches_the_wire(desk: Desk, changes: dict[str, str]) -> None:
    """Defect 1, and toll fraud by way of a number."""
    with pytest.raises(Refused) as caught:
        await desk.dialer.originate(order(**changes))
    assert "358" not in str(caught.value)
    assert desk.ami.named("Originate") == []
    assert len(desk.dialer._translator) == 0


async def test_a_refused_order(desk: Desk) -> None:
    desk.ami.on["Originate"] = fail("Extension does not exist.")
    with pytest.raises(Refused, match="Extension does not exist"):
        await desk.dialer.originate(order())
    assert len(desk.dialer._translator) == 0
    assert desk.news() == []


async def test_no_link_no_order(ami: FakeAmi) -> None:
    desk = Desk(ami)
    with pytest.raises(NotSent):
        await desk.dialer.originate(order())
    assert not desk.dialer.status().up
    async with working(desk):
        await desk.dialer.originate(order())
    with pytest.raises(NotSent):
        await desk.dialer.originate(order(OTHER))


async def test_no_answer_to_an_order_is_doubt(desk: Desk) -> None:
    """Defect 6. And the late answer is still news."""
    desk.ami.on["Originate"] = silence
    with pytest.raises(OutcomeUnknown):
        await desk.dialer.originate(order())
    desk.ami.live.send(succeed(desk.ami.named("Originate")[0]))
    await desk.until(lambda: desk.news() == [CallNews.ACCEPTED])


async def test_a_late_no_ends_the_leg(desk: Desk) -> None:
    desk.ami.on["Originate"] = silence
    with pytest.raises(OutcomeUnknown):
        await desk.dialer.originate(order())
    desk.ami.live.send(fail("Originate Access Forbidden")(desk.ami.named("Originate")[0]) or b"")
    told = await desk.end()
    assert (told.disposition, told.evidence.source) == (Disposition.FAILED, "response")
    assert "Forbidden" in told.evidence.reason


async def test_a_link_lost_after_the_write_is_doubt_and_nothing_is_sent_again(desk: Desk) -> None:
    """Defects 2 and 5."""
    desk.ami.on["Originate"] = lambda action: action.session.transport.abort()
    with pytest.raises(OutcomeUnknown, match="was written, then"):
        await desk.dialer.originate(order())
    del desk.ami.on["Originate"]
    await desk.until(lambda: len(desk.ups) == 2)
    desk.says("FullyBooted")
    with pytest.raises(OutcomeUnknown):
        await desk.dialer.originate(order())
    assert len(desk.ami.named("Originate")) == 1


async def test_the_same_leg_is_never_sent_twice_not_even_after_its_end(desk: Desk) -> None:
    await desk.dialer.originate(order())
    with pytest.raises(OutcomeUnknown):
        await desk.dialer.originate(order())
    desk.says("OriginateResponse", ActionID=desk.sent(), Response="Failure", Reason="5")
    await desk.end()
    with pytest.raises(OutcomeUnknown):
        await desk.dialer.originate(order())
    assert len(desk.ami.named("Originate")) == 1


async def test_a_failure_without_channel_ends_after_a_moment(desk: Desk) -> None:
    """Defect 10: the Failure is a failure, and reaches us."""
    await desk.dialer.originate(order())
    desk.says("OriginateResponse", ActionID=desk.sent(), Response="Failure", Reason="0")
    told = await desk.end()
    assert told.disposition is Disposition.FAILED
    assert len(desk.dialer._translator) == 0


async def test_a_refused_duplicate_says_nothing_about_the_call_that_lives(desk: Desk) -> None:
    """The failure of another order carries the Uniqueid of ours."""
    await desk.dialer.originate(order())
    desk.says("OriginateResponse", ActionID="another", Response="Failure", Reason="0", Uniqueid=LEG)
    desk.says("Newstate", Uniqueid=LEG, Channel=CHANNEL, ChannelState="6")
    await desk.until(lambda: CallNews.ANSWERED in desk.news())
    await desk.clock.advance(10.0)
    assert CallNews.ENDED not in desk.news()


async def test_a_busy_line_in_both_orders(desk: Desk) -> None:
    for leg_id, hangup_first in ((LEG, True), (OTHER, False)):
        await desk.dialer.originate(order(leg_id))
        both = [
            event("Hangup", Uniqueid=leg_id, Channel=CHANNEL, Cause="17", TechCause="486"),
            event("OriginateResponse", ActionID=desk.sent(), Response="Failure", Reason="0"),
        ]
        desk.ami.live.send(b"".join(both if hangup_first else reversed(both)))
        told = await desk.end(leg_id)
        assert told.disposition is Disposition.BUSY
        assert desk.news(leg_id) == [CallNews.ACCEPTED, CallNews.ENDED]


async def test_a_hangup_whose_result_never_comes(desk: Desk) -> None:
    await desk.dialer.originate(order())
    desk.says("Newstate", Uniqueid=LEG, Channel=CHANNEL, ChannelState="6")
    desk.says("Hangup", Uniqueid=LEG, Channel=CHANNEL, Cause="16")
    assert (await desk.end()).disposition is Disposition.ANSWERED_HUMAN


async def test_hangs_up_by_the_channel_s_name(desk: Desk) -> None:
    await desk.dialer.originate(order())
    desk.says("Newstate", Uniqueid=LEG, Channel=CHANNEL, ChannelState="5")
    await desk.until(lambda: CallNews.RINGING in desk.news())
    await desk.dialer.hang_up(LEG)
    (sent,) = desk.ami.named("Hangup")
    assert (sent.get("Channel"), sent.get("Cause")) == (CHANNEL, "16")
    desk.says("OriginateResponse", ActionID=desk.sent(), Response="Failure", Reason="0")
    desk.says("Hangup", Uniqueid=LEG, Channel=CHANNEL, Cause="127", TechCause="487")
    assert (await desk.end()).disposition is Disposition.CANCELED


async def test_hanging_up_what_is_over_is_no_error(desk: Desk) -> None:
    await desk.dialer.hang_up(LEG)
    assert desk.ami.named("Hangup") == []
    desk.ami.on["Hangup"] = fail("No such channel")
    await desk.dialer.hang_up(LEG, CHANNEL)
    desk.ami.on["Hangup"] = fail("Permission denied")
    with pytest.raises(Refused):
        await desk.dialer.hang_up(LEG, CHANNEL)


@pytest.mark.parametrize("channel", ["/.*/", "PJSIP/a\r\nAction: x", "", "/"])
async def test_hangs_up_one_channel_never_a_pattern(desk: Desk, channel: str) -> None:
    with contextlib.suppress(Refused):
        await desk.dialer.hang_up(LEG, channel)
    assert desk.ami.named("Hangup") == []


async def test_hangs_up_a_call_of_which_nothing_was_heard(desk: Desk) -> None:
    desk.ami.on["CoreShowChannels"] = listing(
        event("CoreShowChannel", Uniqueid=LEG, Channel=CHANNEL, ChannelState="5")
    )
    await desk.dialer.hang_up(LEG)
    assert desk.ami.named("Hangup")[0].get("Channel") == CHANNEL


async def test_living_are_ours_only(desk: Desk) -> None:
    desk.ami.on["CoreShowChannels"] = listing(
        event("CoreShowChannel", Uniqueid=LEG, Channel=CHANNEL, ChannelState="6", BridgeId=""),
        event("CoreShowChannel", Uniqueid="1700000000.7", Channel="PJSIP/b-2", ChannelState="6"),
        event("CoreShowChannel", Uniqueid=LEG + ";2", Channel="Local/x-1;2", ChannelState="6"),
    )
    assert await desk.dialer.living() == {LEG: CHANNEL}
    await desk.until(lambda: desk.news() == [CallNews.ANSWERED])


async def test_living_cannot_be_asked_without_a_link(ami: FakeAmi) -> None:
    with pytest.raises(DialError):
        await Desk(ami).dialer.living()


async def test_calls_from_before_are_caught_up_with_on_login(ami: FakeAmi) -> None:
    ami.on["CoreShowChannels"] = listing(
        event("CoreShowChannel", Uniqueid=LEG, Channel=CHANNEL, ChannelState="6", BridgeId="b"),
        event("CoreShowChannel", Uniqueid="1.2", Channel="PJSIP/b", ChannelState="6", BridgeId="b"),
        event("CoreShowChannel", Uniqueid=OTHER, Channel="PJSIP/c", ChannelState="5", BridgeId=""),
    )
    async with working(Desk(ami)) as desk:
        assert desk.news() == [CallNews.ANSWERED, CallNews.CONNECTED]
        desk.says("Hangup", Uniqueid=LEG, Channel=CHANNEL, Cause="16")
        assert (await desk.end()).disposition is Disposition.ANSWERED_HUMAN
        desk.says("Hangup", Uniqueid=OTHER, Channel="PJSIP/c", Cause="16")
        assert (await desk.end(OTHER)).disposition is Disposition.NO_ANSWER


async def test_an_end_after_a_lost_link_that_proves_nothing(desk: Desk) -> None:
    await desk.dialer.originate(order())
    desk.says("Newstate", Uniqueid=LEG, Channel=CHANNEL, ChannelState="5")
    await desk.until(lambda: CallNews.RINGING in desk.news())
    desk.ami.drop()
    await desk.until(lambda: len(desk.ups) == 2)
    desk.says("Hangup", Uniqueid=LEG, Channel=CHANNEL, Cause="16")
    assert (await desk.end()).disposition is Disposition.UNRESOLVED


async def test_a_restart_is_another_run(desk: Desk) -> None:
    desk.ami.startup = "11:00:00"
    desk.ami.drop()
    await desk.until(lambda: len(desk.ups) == 2)
    assert [up.boot_epoch for up in desk.ups] == ["2026-03-10T10:00:00", "2026-03-10T11:00:00"]
    assert len(desk.downs) == 1


async def test_no_orders_into_a_shutdown(desk: Desk) -> None:
    """Defect 17: Shutdown is an event like others, not an argument of a disconnect."""
    desk.says("Shutdown", Shutdown="Cleanly", Restart="False")
    await desk.until(lambda: not desk.dialer.status().up)
    with pytest.raises(NotSent, match="shutting down"):
        await desk.dialer.originate(order())
    desk.ami.drop()
    await desk.until(lambda: len(desk.ups) == 2)
    await desk.dialer.originate(order())


async def test_a_reader_that_is_too_slow_costs_the_link_and_no_word_about_it(ami: FakeAmi) -> None:
    async with working(Desk(ami, event_queue=5)) as desk:
        desk.reads.clear()
        legs = [f"k{n}".ljust(32, "0") for n in range(20)]
        ami.live.send(
            b"".join(event("Newstate", Uniqueid=leg, ChannelState="5", Channel="x") for leg in legs)
        )
        await ami.until(lambda: ami.sessions[0].closed)
        with pytest.raises(NotSent):
            await desk.dialer.originate(order())
        await desk.clock.advance(10.0)
        assert len(ami.sessions) == 1, "no new link before the reader has caught up"
        desk.reads.set()
        await desk.until(lambda: len(desk.ups) == 2)
        assert "keep up" in desk.downs[0].reason
        assert len([told for told in desk.told if isinstance(told, CallEvent)]) <= 6


async def test_a_refused_login_leaves_alone(ami: FakeAmi) -> None:
    """Defect 22; and out of no exception group."""
    ami.on["Login"] = fail("Authentication failed")
    with pytest.raises(LoginRefused):
        await Desk(ami).dialer.run()


@pytest.mark.parametrize("action", ["CoreStatus", "CoreShowChannels"])
async def test_missing_rights_are_told(ami: FakeAmi, action: str) -> None:
    ami.on[action] = fail("Permission denied")
    with pytest.raises(LoginRefused, match="reporting"):
        await Desk(ami).dialer.run()


@pytest.mark.parametrize(
    ("version", "warned"),
    [
        ("22.10.1", False),
        ("20.9.1", True),
        ("20.9.2", False),
        ("21.4.1", True),
        ("18.24.2", False),
        ("16.30.0", True),
        ("19.8.1", True),
        ("certified/20.7-cert1", True),
        ("23.0.0", False),
        ("GIT-master-abc", False),
    ],
)
async def test_warns_of_an_asterisk_that_lets_ami_users_write_files(
    ami: FakeAmi, version: str, warned: bool
) -> None:
    ami.version = version
    with structlog.testing.capture_logs() as logs:
        async with working(Desk(ami)):
            pass
    assert ("ami.update_asterisk" in [entry["event"] for entry in logs]) == warned


async def test_agent_and_customer_in_one_bridge_are_connected(desk: Desk) -> None:
    await desk.dialer.originate(order(OTHER, role=Role.AGENT, target="anna"))
    await desk.dialer.originate(order())
    for count, leg_id in enumerate((OTHER, LEG), 1):
        desk.says("Newstate", Uniqueid=leg_id, Channel=f"PJSIP/{count}", ChannelState="6")
        desk.says("BridgeEnter", Uniqueid=leg_id, BridgeUniqueid="b", BridgeNumChannels=str(count))
    await desk.until(lambda: CallNews.CONNECTED in desk.news())
    assert CallNews.CONNECTED in desk.news(OTHER)


async def test_alone_in_a_bridge_is_not_connected(desk: Desk) -> None:
    await desk.dialer.originate(order())
    desk.says("BridgeEnter", Uniqueid=LEG, BridgeUniqueid="b", BridgeNumChannels="1")
    desk.says("BridgeLeave", Uniqueid=LEG, BridgeUniqueid="b", BridgeNumChannels="0")
    desk.says("BridgeEnter", Uniqueid="1.1", BridgeUniqueid="b", BridgeNumChannels="2")
    desk.says("Newstate", Uniqueid=LEG, Channel=CHANNEL, ChannelState="6")
    await desk.until(lambda: CallNews.ANSWERED in desk.news())
    assert CallNews.CONNECTED not in desk.news()


async def test_served_by_a_queue_is_connected(desk: Desk) -> None:
    await desk.dialer.originate(order())
    desk.says("AgentConnect", Uniqueid=LEG, Queue="support", DestUniqueid="1.1")
    await desk.until(lambda: CallNews.CONNECTED in desk.news())
    assert CallNews.ANSWERED in desk.news(), "whoever is connected has answered"


async def test_nothing_is_proved_while_asterisk_may_be_another(
    ami: FakeAmi, tmp_path: Path
) -> None:
    file = tmp_path / "cel.csv"
    desk = Desk(ami, cel_file=file)
    sent = desk.clock.now()
    leg = a_leg(id=LEG, boot_epoch="2026-03-10T10:00:00", sending_at=sent)
    rows = [f'"CHAN_END","{sent.timestamp() + at}","1.1","1.1","","","","",""\n' for at in (-1, 9)]
    file.write_text("".join(rows), encoding="utf-8")
    async with working(desk):
        await desk.clock.advance(10.0)
        assert (await desk.dialer.findings([leg]))[LEG].placed is False
        await ami.stop()
        await desk.until(lambda: desk.downs)
        assert (await desk.dialer.findings([leg]))[LEG].placed is None
