"""The simulated PBX over TCP: login, rights, lists, ids, sync originate, as seen live."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from adapters.lab.ami import AmiClient, Message, ami_session
from adapters.lab.simpbx import AmiUser, SimulatedPbx
from adapters.lab.simpbx.users import lab_users, rights
from adapters.lab.world import Answer, Behaviour, TableWorld

HUMAN = "+442079460000"
LONG = "+442079460975"
RINGS = "+442079460450"

Originate = Callable[..., Awaitable[Message]]


@pytest.fixture
async def pbx(tmp_path: Path) -> AsyncIterator[SimulatedPbx]:
    once = AmiUser(name="once", secret="x", multiple=False)
    blind = AmiUser(name="blind", secret="x", read=rights("call"), write=rights("call"))
    async with SimulatedPbx(
        speed=20,
        users={"once": once, "blind": blind},
        cel_file=tmp_path / "cel.csv",
        wire_log=tmp_path / "wire.jsonl",
    ) as pbx:
        yield pbx


@pytest.fixture
async def ami(pbx: SimulatedPbx) -> AsyncIterator[AmiClient]:
    async with pbx.session(observer=True) as client:
        yield client


async def originate(ami: AmiClient, channel_id: str, **changes: str) -> Message:
    headers = {
        "ActionID": channel_id,
        "Channel": f"PJSIP/{HUMAN}@lab",
        "Context": "kairos-talk",
        "Exten": "stay",
        "Priority": "1",
        "Timeout": "10000",
        "Async": "true",
        "ChannelId": channel_id,
        **changes,
    }
    return await ami.action("Originate", {key: value for key, value in headers.items() if value})


async def spoken(pbx: SimulatedPbx, *chunks: bytes, seconds: float = 5.0) -> bytes:
    """Say something on a raw connection and return everything heard until its end."""
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection(pbx.host, pbx.port)
        writer.write(b"".join(chunks))
        heard = await reader.read(-1)
        writer.close()
        return heard


async def test_greets_and_throws_out_who_does_not_log_in(pbx: SimulatedPbx) -> None:
    begin = time.monotonic()
    assert await spoken(pbx) == b"Asterisk Call Manager/11.0.0\r\n"
    assert time.monotonic() - begin >= 5 / 20


@pytest.mark.parametrize("user", ["kairos", "nobody"])
async def test_refuses_a_wrong_secret_after_a_second_and_closes(
    pbx: SimulatedPbx, user: str
) -> None:
    login = f"Action: Login\r\nActionID: 1\r\nUsername: {user}\r\nSecret: no\r\n\r\n"
    begin = time.monotonic()
    heard = await spoken(pbx, login.encode())
    assert heard.endswith(
        b"Response: Error\r\nActionID: 1\r\nMessage: Authentication failed\r\n\r\n"
    )
    assert time.monotonic() - begin >= 1 / 20


async def test_nothing_but_login_is_allowed_before_it(pbx: SimulatedPbx) -> None:
    heard = await spoken(pbx, b"Action: Ping\r\n\r\nAction: Logoff\r\n\r\n")
    assert b"Message: Permission denied\r\n" in heard
    assert heard.endswith(b"Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n")


async def test_a_user_who_may_log_in_once_only(pbx: SimulatedPbx) -> None:
    async with ami_session(pbx.host, pbx.port, "once", "x"):
        heard = await spoken(pbx, b"Action: Login\r\nUsername: once\r\nSecret: x\r\n\r\n")
    assert b"Message: Login Already In Use\r\n" in heard
    async with ami_session(pbx.host, pbx.port, "once", "x") as again:
        assert (await again.action("Ping"))["Ping"] == "Pong"


async def test_fully_booted_is_told_to_readers_of_system_only(pbx: SimulatedPbx) -> None:
    async with pbx.session() as ami:
        assert (await ami.event("FullyBooted"))["Status"] == "Fully Booted"
    async with ami_session(pbx.host, pbx.port, "blind", "x") as ami:
        await ami.action("Ping")
        assert not [m for _, m in ami.seen if m.get("Event")]


async def test_rights_to_write_are_checked(pbx: SimulatedPbx) -> None:
    async with ami_session(pbx.host, pbx.port, "blind", "x") as ami:
        for name, text in {
            "Originate": "Permission denied",
            "CoreStatus": "Permission denied",
            "Command": "Permission denied",
            "Hangup": "No channel specified",
            "Nonsense": "Invalid/unknown command: Nonsense. "
            "Use Action: ListCommands to show available commands.",
        }.items():
            assert (await ami.action(name))["Message"] == text
        allowed = await ami.action("ListCommands")
        assert allowed["Ping"] == "(Priv: <none>)"
        assert allowed["Hangup"] == "(Priv: system,call,all)"
        assert "Originate" not in allowed


async def test_events_can_be_switched_off_and_answers_still_come(ami: AmiClient) -> None:
    assert (await ami.action("Events", {"EventMask": "off"}))["Events"] == "Off"
    await originate(ami, "off")
    assert (await ami.action("Events", {"EventMask": "on"}))["Events"] == "On"
    assert not [m for _, m in ami.seen if m.get("Uniqueid") == "off"]


async def test_lists_who_is_on_the_line(pbx: SimulatedPbx, ami: AmiClient) -> None:
    await originate(ami, "long", Channel=f"PJSIP/{LONG}@lab")
    await ami.event("OriginateResponse", ActionID="long")
    assert (await ami.action("CoreStatus"))["CoreCurrentCalls"] == "1"
    reply = await ami.action("CoreShowChannels", {"ActionID": "list"})
    assert (reply["EventList"], reply["Message"]) == ("start", "Channels will follow")
    item = await ami.event("CoreShowChannel", ActionID="list")
    assert (item["Uniqueid"], item["Application"]) == ("long", "Wait")
    end = await ami.event("CoreShowChannelsComplete", ActionID="list")
    assert (end["EventList"], end["ListItems"]) == ("Complete", "1")
    await ami.action("Status", {"ActionID": "status"})
    assert (await ami.event("Status", ActionID="status"))["ChannelStateDesc"] == "Up"
    assert pbx.living == 1


async def test_a_second_call_with_a_live_id_fails_and_names_the_live_one(ami: AmiClient) -> None:
    await originate(ami, "job-10", Channel=f"PJSIP/{LONG}@lab")
    await ami.event("OriginateResponse", ActionID="job-10")
    for action, wanted in {"again": "job-10", "prefix": "job-1", "case": "JOB-10"}.items():
        ack = await originate(ami, wanted, ActionID=action)
        assert ack["Message"] == "Originate successfully queued"
        answer = await ami.event("OriginateResponse", ActionID=action)
        assert (answer["Response"], answer["Reason"]) == ("Failure", "0")
        assert answer["Uniqueid"] == wanted
    await originate(ami, "job-10x")
    assert (await ami.event("OriginateResponse", ActionID="job-10x"))["Response"] == "Success"


async def test_an_id_may_be_used_again_after_the_end(pbx: SimulatedPbx, ami: AmiClient) -> None:
    for action in ("first", "second"):
        await originate(ami, "same", ActionID=action)
        answer = await ami.event("OriginateResponse", ActionID=action)
        assert answer["Response"] == "Success"
        told = await ami.event("Newchannel", Uniqueid="same")
        await ami.action("Hangup", {"Channel": answer["Channel"]})
        await ami.event("Hangup", Channel=answer["Channel"])
        assert told["Uniqueid"] == "same"
    assert len(pbx.calls()) == 2


async def test_hangup_takes_a_name_an_id_or_a_pattern(ami: AmiClient) -> None:
    for name in ("one", "two", "three"):
        await originate(ami, name, Channel=f"PJSIP/{LONG}@lab")
    first = await ami.event("OriginateResponse", ActionID="one")
    reply = await ami.action("Hangup", {"Channel": first["Channel"]})
    assert reply["Message"] == "Channel Hungup"
    assert (await ami.event("Hangup", Uniqueid="one"))["Cause"] == "0"
    await ami.event("OriginateResponse", ActionID="two")
    await ami.action("Hangup", {"Channel": "two", "Cause": "21"})
    assert (await ami.event("Hangup", Uniqueid="two"))["Cause-txt"] == "Call Rejected"
    await ami.event("OriginateResponse", ActionID="three")
    await ami.action("Hangup", {"Channel": "/^PJSIP\\/lab-.*/", "ActionID": "all"})
    end = await ami.event("ChannelsHungupListComplete", ActionID="all")
    assert end["ListItems"] == "1"
    await ami.event("Hangup", Uniqueid="three")
    gone = await ami.action("Hangup", {"Channel": first["Channel"]})
    assert gone["Message"] == "No such channel"


async def test_hangup_while_it_rings(ami: AmiClient) -> None:
    await originate(ami, "ring", Channel=f"PJSIP/{RINGS}@lab")
    ringing = await ami.event("Newstate", Uniqueid="ring")
    await ami.action("Hangup", {"Channel": ringing["Channel"], "Cause": "16"})
    answer = await ami.event("OriginateResponse", ActionID="ring")
    assert (answer["Response"], answer["Reason"]) == ("Failure", "0")
    over = await ami.event("Hangup", Uniqueid="ring")
    assert (over["Cause"], "TechCause" in over) == ("16", False)
    assert (await ami.event("DialEnd", DestUniqueid="ring"))["DialStatus"] == "NOANSWER"


async def test_a_sync_originate_blocks_its_session_and_no_other(
    pbx: SimulatedPbx, ami: AmiClient
) -> None:
    async with pbx.session(observer=True) as other:
        waiting = asyncio.create_task(
            originate(ami, "sync", Async="false", Channel="PJSIP/+442079460300@lab")
        )
        ringing = await other.event("Newstate", Uniqueid="sync")
        assert ringing["ChannelStateDesc"] == "Ringing"
        assert not [m for _, m in ami.seen if m.get("Uniqueid") == "sync"]
        assert (await waiting)["Message"] == "Originate successfully queued"
        await ami.event("Newstate", Uniqueid="sync", ChannelStateDesc="Up")
        assert not [m for _, m in other.seen if m.get("Event") == "OriginateResponse"]
    busy = await originate(ami, "busy", Async="false", Channel="PJSIP/+442079460500@lab")
    assert (busy["Response"], busy["Message"]) == ("Error", "Originate failed")


async def test_answers_overtake_the_news_as_often_as_live(tmp_path: Path) -> None:
    """Of 200 calls answered at once, 70 answers came before Newchannel, 130 before Newstate."""
    at_once = Behaviour(answer=Answer.HUMAN, ring_seconds=0, talk_seconds=60)
    world = TableWorld(table={"+44*": at_once})
    files = tmp_path / "cel.csv", tmp_path / "wire.jsonl"
    async with (
        SimulatedPbx(world, cel_file=files[0], wire_log=files[1]) as pbx,
        pbx.session(observer=True) as ami,
    ):
        for n in range(200):
            await originate(ami, f"burst{n:03d}")
        for n in range(200):
            await ami.event("OriginateResponse", ActionID=f"burst{n:03d}")
            await ami.event("Newstate", Uniqueid=f"burst{n:03d}")
        told = [(m.get("Event"), m.get("Uniqueid")) for _, m in ami.seen]

    def overtaken(name: str) -> int:
        ids = [f"burst{n:03d}" for n in range(200)]
        return sum(told.index(("OriginateResponse", i)) < told.index((name, i)) for i in ids)

    assert overtaken("Newchannel") == pytest.approx(70, abs=40)
    assert overtaken("Newstate") == pytest.approx(130, abs=50)


async def test_the_gateways_user_is_told_what_it_needs_and_no_more(pbx: SimulatedPbx) -> None:
    assert lab_users("a", "b", "c")["a"].filters
    async with pbx.session() as ami:
        await originate(ami, "few")
        await ami.event("Hangup", Uniqueid="few")
        names = {m["Event"] for _, m in ami.seen if "Event" in m}
    assert names == {
        *("FullyBooted", "DialBegin", "Newstate", "DialEnd", "OriginateResponse", "Hangup")
    }
