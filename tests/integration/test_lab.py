"""The real Asterisk lab: people answer as the world says, and the PBX can be killed and revived."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import psutil
import pytest

from adapters.lab.ami import AmiClient, Message
from adapters.lab.asterisk import AMD, CONNECT, DIAL, TALK, AsteriskLab
from adapters.lab.errors import LabUnavailable
from adapters.lab.fetch import why_unavailable
from adapters.lab.numbers import number_for, suffix_world
from adapters.lab.world import Answer, Behaviour
from tests.support.requirements import register

register("asterisk", why_unavailable)
pytestmark = pytest.mark.asterisk

CHANNEL = "kairostestchannel222222222222222"


@pytest.fixture
async def lab() -> AsyncIterator[AsteriskLab]:
    shorter = Behaviour(answer=Answer.HUMAN, ring_seconds=0.1, talk_seconds=1.0)
    async with AsteriskLab(suffix_world().with_lines({"+442079460000": shorter})) as lab:
        yield lab


async def _call(
    ami: AmiClient,
    number: str,
    where: str = CONNECT,
    exten: str = "agent1",
    *,
    seconds: int = 5,
) -> Message:
    return await ami.action(
        "Originate",
        {
            "Channel": DIAL.format(number=number),
            "Context": where,
            "Exten": exten,
            "Priority": "1",
            "Timeout": str(seconds * 1000),
            "Async": "true",
            "ChannelId": CHANNEL,
            "ActionID": "call",
            "Variable": [f"PJSIP_HEADER(add\\,X-Kairos-Channel)={CHANNEL}"],
        },
    )


async def test_a_person_answers_and_meets_an_agent(lab: AsteriskLab) -> None:
    async with lab.session() as ami:
        assert (await _call(ami, "+442079460000"))["Response"] == "Success"
        assert (await ami.event("OriginateResponse", ActionID="call"))["Reason"] == "4"
        await ami.event("BridgeEnter", Uniqueid=CHANNEL)
        assert (await ami.event("Hangup", Uniqueid=CHANNEL))["Cause"] == "16"
    person, agent = lab.calls()
    assert (person.number, person.attempt, person.channel_id) == ("+442079460000", 1, CHANNEL)
    assert agent.number == "agent1"
    assert '"ANSWER"' in lab.cel_file.read_text()
    assert f'"{CHANNEL}"' in lab.cel_file.read_text()


@pytest.mark.parametrize(
    ("name", "cause", "status"),
    [
        ("busy", "17", "486"),
        ("decline", "21", "603"),
        ("not_found", "1", "404"),
        ("congestion", "34", "503"),
        ("forbidden", "21", "403"),
    ],
)
async def test_a_refusal_is_told_by_the_hangup(
    lab: AsteriskLab, name: str, cause: str, status: str
) -> None:
    async with lab.session() as ami:
        await _call(ami, number_for(name))
        response = await ami.event("OriginateResponse", ActionID="call")
        hangup = await ami.event("Hangup", Uniqueid=CHANNEL)
    assert (response["Response"], response["Reason"]) == ("Failure", "0")
    assert hangup["Cause"] == cause
    assert hangup.get("TechCause", status) == status  # older versions do not say it


async def test_a_machine_is_told_from_a_person(lab: AsteriskLab) -> None:
    async with lab.session() as ami:
        await _call(ami, number_for("machine"), AMD)
        assert (await ami.event("VarSet", Variable="AMDSTATUS"))["Value"] == "MACHINE"
        await ami.event("Hangup", Uniqueid=CHANNEL)


async def test_it_comes_back_after_a_power_cut(lab: AsteriskLab) -> None:
    async with lab.session() as ami:
        await lab.kill()
        with pytest.raises(ConnectionError):
            await ami.event("Hangup")
    with pytest.raises(OSError, match="Connect call failed"):
        async with lab.session():
            pass
    await lab.start()
    async with lab.session() as ami:
        await _call(ami, number_for("busy"))
        assert (await ami.event("Hangup", Uniqueid=CHANNEL))["Cause"] == "17"
    assert "Asterisk" in await lab.cli("core show version")


async def test_a_stop_in_good_order_says_goodbye(lab: AsteriskLab) -> None:
    async with lab.session() as ami:
        await lab.stop()
        assert (await ami.event("Shutdown"))["Shutdown"] == "Cleanly"
    await lab.start()


async def test_a_frozen_pbx_keeps_silent_until_thawed(lab: AsteriskLab) -> None:
    async with lab.session() as ami:
        lab.freeze()
        with pytest.raises(TimeoutError):
            await ami.action("Ping", within=0.3)
        lab.thaw()
        await ami.action("Ping")


async def test_a_dead_carrier_never_rings(lab: AsteriskLab) -> None:
    async with lab.session() as ami:
        await lab.cut_trunk()
        await _call(ami, number_for("human"), seconds=1)
        assert (await ami.event("OriginateResponse", ActionID="call"))["Reason"] == "3"
        await ami.event("Hangup", Uniqueid=CHANNEL)
        assert not [m for _, m in ami.seen if m.get("ChannelStateDesc") == "Ringing"]
        await lab.restore_trunk()
    async with lab.session() as ami:
        await _call(ami, number_for("busy"))
        assert (await ami.event("Hangup", Uniqueid=CHANNEL))["Cause"] == "17"


async def test_the_gateway_may_do_no_more_than_it_needs(lab: AsteriskLab) -> None:
    async with lab.session() as ami:
        for action in ("Command", "GetConfig", "ModuleLoad", "DBPut", "Filter"):
            reply = await ami.action(action, {"Command": "core show uptime"})
            assert reply["Message"] == "Permission denied", action


async def test_sipp_answers_when_there_is_load() -> None:
    async with (
        AsteriskLab(far_end="sipp", load_talk_seconds=0.2) as lab,
        lab.session() as ami,
    ):
        await _call(ami, number_for("human"), TALK, "stay")
        assert (await ami.event("OriginateResponse", ActionID="call"))["Reason"] == "4"
        await ami.event("Hangup", Uniqueid=CHANNEL)
        assert [call.channel_id for call in lab.calls()] == [CHANNEL]


async def test_nothing_is_left_behind() -> None:
    async with AsteriskLab() as lab:
        folder = lab.run_dir
        pids = [lab._near.pid, lab._far.pid]
    assert not folder.exists()
    assert not any(psutil.pid_exists(pid) for pid in pids if pid is not None)


async def test_a_host_name_that_does_not_resolve_is_said_before_it_hurts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "no-such-host.invalid")
    with pytest.raises(LabUnavailable, match=r"does not resolve.*hosts file"):
        async with asyncio.timeout(5), AsteriskLab():
            pass
