"""The simulated PBX as a process of its own, which can be killed apart from its client."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from adapters.lab.ami import AmiClient, ami_session
from adapters.lab.simpbx import read_wire

COMMAND = (sys.executable, "-m", "adapters.lab.simpbx")

Process = asyncio.subprocess.Process


@asynccontextmanager
async def started(folder: Path, *more: str) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    files = ("--cel", str(folder / "cel.csv"), "--wire-log", str(folder / "wire.jsonl"))
    (folder / "secret").write_text("practice makes perfect\n")
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "--secret-file", str(folder / "secret"), *files, *more),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = await process.stdout.readline()
        yield process, json.loads(line)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def session(ready: dict[str, Any]) -> AsyncIterator[AmiClient]:
    secret = "practice makes perfect"
    async with ami_session(ready["host"], ready["port"], ready["username"], secret) as ami:
        yield ami


async def until_up(ready: dict[str, Any]) -> None:
    async with asyncio.timeout(10):
        while True:
            with suppress(OSError):
                async with session(ready) as ami:
                    await ami.action("Ping")
                    return
            await asyncio.sleep(0.02)


async def call(ami: AmiClient, channel_id: str) -> None:
    await ami.action(
        "Originate",
        {
            "ActionID": channel_id,
            "Channel": "PJSIP/+442079460975@lab",
            "Context": "kairos-talk",
            "Exten": "stay",
            "Priority": "1",
            "Async": "true",
            "ChannelId": channel_id,
        },
    )
    await ami.event("OriginateResponse", ActionID=channel_id)


async def test_killed_and_started_again_it_knows_nothing_but_its_files_do(tmp_path: Path) -> None:
    async with started(tmp_path, "--speed", "5") as (process, ready):
        assert "secret" not in ready
        async with session(ready) as ami:
            first = await ami.action("CoreStatus")
            await call(ami, "before")
            process.send_signal(signal.SIGKILL)
            with pytest.raises(ConnectionError):
                await ami.wait_for(lambda _: False)
    async with started(tmp_path, "--port", str(ready["port"])) as (_, again):
        assert again["port"] == ready["port"]
        async with session(again) as ami:
            second = await ami.action("CoreStatus")
            assert second["CoreCurrentCalls"] == "0"
    assert first["CoreStartupTime"] != second["CoreStartupTime"]
    what = [line.what for line in read_wire(tmp_path / "wire.jsonl")]
    assert what == ["boot", "originate", "placed", "boot"]
    assert (tmp_path / "cel.csv").read_text().count("CHAN_START") == 1


async def test_sigterm_says_goodbye_and_sighup_comes_up_again(tmp_path: Path) -> None:
    async with started(tmp_path, "--speed", "5") as (process, ready):
        async with session(ready) as ami:
            process.send_signal(signal.SIGHUP)
            with pytest.raises(ConnectionError):
                await ami.wait_for(lambda _: False)
        await until_up(ready)
        async with session(ready) as ami:
            await call(ami, "call")
            process.send_signal(signal.SIGTERM)
            await ami.event("Hangup", Uniqueid="call")
            await ami.event("Shutdown")
        assert await process.wait() == 0


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("--help",), 0, "ack_lost"),
        (("--faults", "bad_luck=1"), 2, "bad_luck"),
        (("--speed", "0"), 2, "above 0"),
        (("--world", "nowhere.toml"), 2, "nowhere.toml"),
        (("--secret-file", "nowhere"), 2, "nowhere"),
    ],
)
async def test_teaches(arguments: tuple[str, ...], status: int, text: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, *arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert (process.returncode, text in said.decode()) == (status, True)
