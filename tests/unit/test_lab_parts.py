"""The small parts of the lab: AGI, AMI text, configuration, sounds, the wire log, recordings."""

from __future__ import annotations

import asyncio
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.lab import sipp
from adapters.lab.ami import parse
from adapters.lab.config import CEL_COLUMNS, agent_lines, free_ports, write_config
from adapters.lab.fastagi import AgiCall, AgiError, FastAgiServer
from adapters.lab.numbers import BY_NAME, SUFFIXES, suffix_world
from adapters.lab.people import Switchboard, WireCall, read_wire_log
from adapters.lab.scenarios import SCENARIOS
from adapters.lab.sounds import write_sounds

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RECORDINGS = Path(__file__).parents[1] / "replay" / "recordings"

CALL = WireCall(
    at=NOON,
    number="+442079460500",
    attempt=1,
    answer="busy",
    ring_seconds=0.1,
    talk_seconds=5.0,
    caller="",
    channel_id="k1",
    sip_call_id="c1",
)


async def _ask(port: int, said: bytes, answers: int = 0) -> list[str]:
    """Play Asterisk: ask, obey that many commands, return them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    commands = []
    for _ in range(answers):
        commands.append((await reader.readline()).decode().strip())
        writer.write(b"200 result=1\n")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    return commands


class TestFastAgi:
    async def test_a_call_is_asked_and_answered(self, tmp_path: Path) -> None:
        log = tmp_path / "wire.jsonl"
        switchboard = Switchboard(suffix_world(), log, clock=lambda: NOON)
        async with FastAgiServer(switchboard.meet) as server:
            said = (
                b"agi_extension: +442079460500\nagi_callerid: unknown\n"
                b"agi_arg_1: c1\nagi_arg_2: k1\n\n"
            )
            commands = await _ask(server.port, said, 3)
        switchboard.close()
        assert commands == [
            'SET VARIABLE RING "0.100"',
            'SET VARIABLE TALK "5.000"',
            'SET VARIABLE BEHAVIOUR "busy"',
        ]
        assert read_wire_log(log) == [CALL]

    @pytest.mark.parametrize("said", [b"nonsense\n", b"agi_extension: 1\n" * 300])
    async def test_nonsense_is_dropped(self, said: bytes) -> None:
        async with FastAgiServer(_never) as server:
            assert await _ask(server.port, said) == []

    async def test_a_caller_who_is_gone_harms_nobody(self) -> None:
        async with FastAgiServer(_set("X", "1")) as server:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.close()
            await writer.wait_closed()

    @pytest.mark.parametrize(
        ("name", "value"), [("x", "1"), ("X", 'a"b'), ("X", "a\nHANGUP"), ("X", "${EVAL}")]
    )
    async def test_unsafe_text_is_never_said(self, name: str, value: str) -> None:
        refused: list[AgiError] = []

        async def answer(call: AgiCall) -> None:
            try:
                await call.set_variable(name, value)
            except AgiError as error:
                refused.append(error)

        async with FastAgiServer(answer) as server:
            assert await _ask(server.port, b"agi_extension: 1\n\n") == []
        assert len(refused) == 1

    async def test_a_bug_of_the_world_is_reported_at_the_end(self) -> None:
        async def answer(call: AgiCall) -> None:
            raise ZeroDivisionError

        with pytest.RaisesGroup(ZeroDivisionError):
            async with FastAgiServer(answer) as server:
                await _ask(server.port, b"agi_extension: 1\n\n")


async def _never(call: AgiCall) -> None:
    raise AssertionError(call)


def _set(name: str, value: str) -> Callable[[AgiCall], Awaitable[None]]:
    async def answer(call: AgiCall) -> None:
        await call.set_variable(name, value)

    return answer


def test_a_torn_last_line_of_the_wire_log_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "wire.jsonl"
    log.write_text(f"{CALL.line()}\n{CALL.line()[:20]}")
    assert read_wire_log(log) == [CALL]
    assert read_wire_log(tmp_path / "none") == []


def test_a_foreign_line_in_the_wire_log_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "wire.jsonl"
    log.write_text('{"number": "+1"}\n')
    with pytest.raises(ValueError, match="not a line of the wire log"):
        read_wire_log(log)


def test_ami_text_is_read() -> None:
    assert parse(b"Event: A\r\nValue: \r\nOutput: x: y\r\nOutput: z\r\n\r\n") == {
        "Event": "A",
        "Value": "",
        "Output": "x: y\nz",
    }


VALUES = dict.fromkeys(
    (
        *("MODULES", "DATA", "SOUNDS", "SIP_PORT", "FAR_SIP_PORT", "RTP_FIRST", "RTP_LAST"),
        *("AMI_PORT", "AMI_USER", "AMI_SECRET", "OBSERVER_SECRET", "AGENTS", "VERBOSE"),
        *("TRANSMIT_SILENCE", "AGI_PORT"),
    ),
    "1",
)


class TestConfig:
    def test_every_placeholder_is_filled_and_secrets_are_private(self, tmp_path: Path) -> None:
        for role in ("near", "far"):
            conf = write_config(role, tmp_path / role, VALUES)
            for file in conf.parent.iterdir():
                assert not re.search(r"@[A-Z_]+@", file.read_text()), file
            assert (conf.parent / "manager.conf").stat().st_mode & 0o077 == 0

    def test_a_missing_value_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(KeyError):
            write_config("near", tmp_path, {})

    def test_nothing_catches_a_failed_originate(self, tmp_path: Path) -> None:
        text = (write_config("near", tmp_path, VALUES).parent / "extensions.conf").read_text()
        assert not re.findall(r"^exten => _[.!X]", text, re.MULTILINE)
        assert "failed," not in text

    def test_cel_writes_the_published_columns(self, tmp_path: Path) -> None:
        text = (write_config("near", tmp_path, VALUES).parent / "cel_custom.conf").read_text()
        assert text.count("CSV_QUOTE") == len(CEL_COLUMNS)

    def test_ports_are_different(self) -> None:
        assert len(set(free_ports("tcp", "tcp", "udp", "udp"))) == 4

    def test_every_agent_has_a_line(self) -> None:
        assert agent_lines(5060).count("contact=sip:agent") == 99


def test_sounds_are_made(tmp_path: Path) -> None:
    write_sounds(tmp_path)
    seconds = {file.stem: file.stat().st_size / 8000 for file in tmp_path.rglob("*.ulaw")}
    assert seconds["hello"] < 1
    assert 9 < seconds["greeting"] < 12
    assert seconds["hold"] == 10


class TestSipp:
    def test_its_scenario_is_xml_and_knows_every_line(self) -> None:
        root = ET.fromstring(sipp.scenario(1.5))  # noqa: S314 - written by this project
        labels = {label.get("id") for label in root.iter("label")}
        assert labels >= {*BY_NAME, "end"}
        jumps = [nop.get("next") for nop in root.iter("nop") if nop.get("next")]
        assert sorted(map(str, jumps)) == sorted(line.name for line in SUFFIXES[1:])
        assert 'timeout="1500"' in sipp.scenario(1.5)

    @pytest.mark.parametrize(("first", "last"), [(500, 549), (900, 924), (0, 299), (5, 5)])
    def test_endings_are_told_apart(self, first: int, last: int) -> None:
        pattern = sipp._digits(first, last)
        found = [n for n in range(1000) if re.fullmatch(pattern, f"{n:03d}")]
        assert found == list(range(first, last + 1))

    def test_its_log_is_read(self, tmp_path: Path) -> None:
        log = tmp_path / "wire.log"
        log.write_text(
            "call 2026-11-24\t13:00:00.000000\t1795521600.000000 +442079460500 c1 k1\n"
            "call 2026-11-24\t13:00:00.000000\t1795521600.000000 +442079460500 c1 \n"
            "call 2026-11-24\t13:00"
        )
        first, second = sipp.read_log(log)
        assert (first.at, first.number, first.answer) == (NOON, "+442079460500", "busy")
        assert (first.channel_id, second.channel_id, second.sip_call_id) == ("k1", "", "c1")
        assert sipp.read_log(tmp_path / "none") == []


class TestRecordings:
    def test_every_scenario_is_recorded_for_both_users(self) -> None:
        for name in SCENARIOS:
            assert (RECORDINGS / f"{name}.jsonl").exists(), name
            assert (RECORDINGS / "full" / f"{name}.jsonl").exists(), name

    @pytest.mark.parametrize("file", sorted(RECORDINGS.rglob("*.jsonl")), ids=lambda f: f.name)
    def test_a_recording_is_whole_and_names_no_machine(self, file: Path) -> None:
        text = file.read_text()
        head, *messages = map(json.loads, text.splitlines())
        assert file.name.startswith(head["scenario"])
        assert messages or head["session"] == "unfiltered"
        assert [one["t"] for one in messages] == sorted(one["t"] for one in messages)
        assert all(one["dir"] in ("in", "out") and one["lines"] for one in messages)
        assert not re.search(r"/(tmp|root|home)/|Secret", text)
