"""What the simulated PBX leaves behind when it dies, and the faults it has to order."""

import asyncio
import csv
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.lab.ami import AmiClient, Message
from adapters.lab.faults import Fault, FaultRates, Faults
from adapters.lab.simpbx import AmiUser, SimulatedPbx

LONG = "+442079460975"
BUSY = "+442079460500"


@pytest.fixture
async def pbx(tmp_path: Path) -> AsyncIterator[SimulatedPbx]:
    async with SimulatedPbx(
        speed=20,
        down_seconds=0.0,
        faults=Faults(late_seconds=0.2, stall_seconds=0.2),
        cel_file=tmp_path / "cel.csv",
        wire_log=tmp_path / "wire.jsonl",
    ) as pbx:
        yield pbx


async def originate(
    ami: AmiClient, channel_id: str, number: str = LONG, within: float = 5.0
) -> Message:
    headers = {
        "ActionID": channel_id,
        "Channel": f"PJSIP/{number}@lab",
        "Context": "kairos-talk",
        "Exten": "stay",
        "Priority": "1",
        "Async": "true",
        "ChannelId": channel_id,
    }
    return await ami.action("Originate", headers, within=within)


def rows(pbx: SimulatedPbx) -> list[list[str]]:
    with pbx.cel_file.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def wire(pbx: SimulatedPbx, what: str) -> list[str]:
    return [line.channel_id for line in pbx.wire() if line.what == what]


async def startup(pbx: SimulatedPbx) -> str:
    async with pbx.session() as ami:
        reply = await ami.action("CoreStatus")
        return f"{reply['CoreStartupDate']} {reply['CoreStartupTime']}"


async def test_cel_rows_are_those_of_the_lab(pbx: SimulatedPbx) -> None:
    async with pbx.session() as ami:
        await originate(ami, "busy", BUSY)
        await ami.event("Hangup", Uniqueid="busy")
    start, hangup, end, last = rows(pbx)
    assert [row[0] for row in (start, hangup, end, last)] == [
        *("CHAN_START", "HANGUP", "CHAN_END", "LINKEDID_END")
    ]
    assert start[2:] == ["busy", "busy", "PJSIP/lab-00000000", "kairos-nobody", "s", "", ""]
    assert json.loads(hangup[8]) == {
        "hangupcause": 17,
        "hangupsource": "PJSIP/lab-00000000",
        "dialstatus": "",
    }


async def test_the_wire_log_tells_orders_from_calls(pbx: SimulatedPbx) -> None:
    async with pbx.session() as ami:
        await originate(ami, "one")
        await originate(ami, "one")
        await originate(ami, "two", BUSY)
        await ami.event("Hangup", Uniqueid="two")
    assert wire(pbx, "originate") == ["one", "one", "two"]
    assert wire(pbx, "placed") == ["one", "two"]
    assert wire(pbx, "ended") == ["two"]
    ended = next(line for line in pbx.wire() if line.what == "ended")
    assert (ended.number, ended.more["answered"], ended.more["by"]) == (BUSY, False, "refused")
    assert [call.number for call in pbx.calls()] == [LONG, BUSY]
    times = [line.mono for line in pbx.wire()]
    assert times == sorted(times)


async def test_a_power_cut_loses_all_but_what_was_written(pbx: SimulatedPbx) -> None:
    before = await startup(pbx)
    async with pbx.session() as ami:
        for n in range(20):
            await originate(ami, f"call{n:02d}")
        await ami.event("OriginateResponse", ActionID="call19")
        await pbx.kill()
        with pytest.raises(ConnectionError):
            await ami.wait_for(lambda _: False)
        assert not [m for _, m in ami.seen if m.get("Event") in {"Hangup", "Shutdown"}]
    assert not pbx.up
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection(pbx.host, pbx.port)
    assert Counter(row[0] for row in rows(pbx)) == {"CHAN_START": 20, "ANSWER": 20}
    await pbx.start()
    assert pbx.living == 0
    assert await startup(pbx) > before
    assert [line.what for line in pbx.wire()].count("boot") == 2


async def test_stopped_in_good_order_it_says_goodbye(pbx: SimulatedPbx) -> None:
    async with pbx.session() as ami:
        await originate(ami, "call")
        await ami.event("OriginateResponse", ActionID="call")
        await pbx.stop()
        assert (await ami.event("Hangup", Uniqueid="call"))["Cause"] == "0"
        assert (await ami.event("Shutdown"))["Shutdown"] == "Cleanly"
    await pbx.start()


async def test_a_lost_answer(pbx: SimulatedPbx) -> None:
    pbx.faults.arm(Fault.ACK_LOST)
    async with pbx.session() as ami:
        with pytest.raises(TimeoutError):
            await originate(ami, "call", within=0.1)
        assert (await ami.event("OriginateResponse", ActionID="call"))["Response"] == "Success"
    assert wire(pbx, "placed") == ["call"]


async def test_a_late_and_a_repeated_answer(pbx: SimulatedPbx) -> None:
    pbx.faults.arm(Fault.ACK_LATE)
    async with pbx.session() as ami:
        assert (await originate(ami, "late"))["Response"] == "Success"
        pbx.faults.arm(Fault.ACK_TWICE)
        await originate(ami, "twice")
        await ami.action("Ping")
        assert len([m for _, m in ami.seen if "Message" in m and m["ActionID"] == "twice"]) == 2


@pytest.mark.parametrize(
    ("fault", "placed", "boots"),
    [
        (Fault.CUT_BEFORE, 0, 1),
        (Fault.CUT_AFTER, 1, 1),
        (Fault.RESTART_BEFORE, 0, 2),
        (Fault.RESTART_AFTER, 1, 2),
    ],
)
async def test_broken_around_an_order(
    pbx: SimulatedPbx, fault: Fault, placed: int, boots: int
) -> None:
    pbx.faults.arm(fault)
    async with pbx.session() as ami:
        with pytest.raises(ConnectionError):
            await originate(ami, "call")
    await startup(pbx)  # it can be reached again
    assert len(wire(pbx, "placed")) == len(wire(pbx, "originate")) == placed
    assert len([row for row in rows(pbx) if row[0] == "CHAN_START"]) == placed
    assert [line.what for line in pbx.wire()].count("boot") == boots


async def test_a_stall_ends_with_everything_said(pbx: SimulatedPbx) -> None:
    pbx.faults.arm(Fault.STALL)
    async with pbx.session() as ami:
        with pytest.raises(TimeoutError):
            await originate(ami, "call", within=0.05)
        assert (await ami.action("Ping"))["Ping"] == "Pong"
        await ami.event("OriginateResponse", ActionID="call")


async def test_half_open_is_silent_for_good_but_open(pbx: SimulatedPbx) -> None:
    pbx.faults.arm(Fault.HALF_OPEN)
    async with pbx.session() as ami, pbx.session() as other:
        with pytest.raises(TimeoutError):
            await originate(ami, "call", within=0.1)
        with pytest.raises(TimeoutError):
            await ami.action("Ping", within=0.1)
        assert not ami.closed
        assert (await other.action("Ping"))["Ping"] == "Pong"
    assert wire(pbx, "originate") == []


async def test_frozen_sessions_go_on_when_thawed(pbx: SimulatedPbx) -> None:
    async with pbx.session() as ami:
        await ami.event("FullyBooted")
        pbx.freeze()
        with pytest.raises(TimeoutError):
            await ami.action("Ping", {"ActionID": "cold"}, within=0.1)
        pbx.thaw()
        await ami.wait_for(lambda m: m.get("ActionID") == "cold")


async def heard(ami: AmiClient, call: str) -> list[str]:
    """Play a busy call and return the events about it."""
    await originate(ami, call, BUSY)
    await asyncio.sleep(0.4)
    return [
        m["Event"]
        for _, m in ami.seen
        if call in {m.get("Uniqueid"), m.get("DestUniqueid")} and "Event" in m
    ]


async def test_events_lost_repeated_and_late(pbx: SimulatedPbx) -> None:
    async with pbx.session() as ami:
        pbx.faults.arm(Fault.EVENT_LOST, event="Hangup")
        assert sorted(await heard(ami, "lost")) == ["DialBegin", "DialEnd", "OriginateResponse"]
        pbx.faults.arm(Fault.EVENT_TWICE, event="Hangup")
        assert (await heard(ami, "twice")).count("Hangup") == 2
        pbx.faults.arm(Fault.EVENT_LATE, event="DialBegin")
        assert "DialBegin" in await heard(ami, "late")


async def test_events_swapped(pbx: SimulatedPbx) -> None:
    async with pbx.session() as ami:
        pbx.faults.arm(Fault.EVENT_SWAPPED, event="DialBegin")
        news = [one for one in await heard(ami, "swapped") if one != "OriginateResponse"]
    assert news[-1] != "DialBegin"
    assert news[0] != "DialBegin" or len(news) == 3
    assert sorted(news) == ["DialBegin", "DialEnd", "Hangup"]


async def test_garbage_and_a_torn_message(pbx: SimulatedPbx) -> None:
    pbx.faults.arm(Fault.GARBAGE, event="DialBegin")
    pbx.faults.arm(Fault.TORN, event="Hangup")
    async with pbx.session() as ami:
        assert "Hangup" not in await heard(ami, "torn")
        assert ami.closed
    assert pbx.faults.fired == {Fault.GARBAGE: 1, Fault.TORN: 1}


async def test_a_reader_who_never_reads_is_cut_off(tmp_path: Path) -> None:
    lazy = AmiUser(name="lazy", secret="x", write_timeout=0.1)
    async with (
        SimulatedPbx(
            speed=200,
            users={"lazy": lazy},
            cel_file=tmp_path / "cel.csv",
            wire_log=tmp_path / "wire.jsonl",
        ) as pbx,
        pbx.session() as ami,
    ):
        reader, writer = await asyncio.open_connection(pbx.host, pbx.port, limit=1024)
        writer.write(b"Action: Login\r\nUsername: lazy\r\nSecret: x\r\n\r\n")
        await reader.readuntil(b"accepted")
        for flood in range(40):
            for n in range(100):
                writer_of(ami).write(order(f"flood{flood:03d}{n:02d}"))
            await ami.event("OriginateResponse", ActionID=f"flood{flood:03d}99")
        heard = b""
        with suppress(ConnectionError):
            while some := await reader.read(1 << 20):
                heard = some
        writer.close()
    assert b"flood" in heard
    assert b"flood039" not in heard


def writer_of(ami: AmiClient) -> asyncio.StreamWriter:
    return ami._writer


def order(channel_id: str) -> bytes:
    return (
        f"Action: Originate\r\nActionID: {channel_id}\r\nChannel: PJSIP/{BUSY}@lab\r\n"
        f"Context: kairos-talk\r\nExten: stay\r\nPriority: 1\r\nAsync: true\r\n"
        f"ChannelId: {channel_id}\r\n\r\n"
    ).encode()


async def test_seeded_chances_hit_as_often_as_they_say(tmp_path: Path) -> None:
    faults = Faults(FaultRates(ack_lost=0.2, event_twice=0.1), seed=5)
    async with (
        SimulatedPbx(
            speed=100,
            faults=faults,
            cel_file=tmp_path / "cel.csv",
            wire_log=tmp_path / "wire.jsonl",
        ) as pbx,
        pbx.session() as ami,
    ):
        lost = 0
        for n in range(100):
            try:
                await originate(ami, f"call{n:03d}", BUSY, within=0.05)
            except TimeoutError:
                lost += 1
    assert faults.fired[Fault.ACK_LOST] == pytest.approx(20, abs=12)
    assert lost >= faults.fired[Fault.ACK_LOST]
    assert len(wire(pbx, "placed")) == 100
