"""The service manager hears when we are ready, reload, stop, and that we are alive."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.systemd import ServiceManager


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(0)

    def heard(self) -> list[str]:
        messages = []
        with suppress(BlockingIOError):
            while True:
                messages.append(self._socket.recv(4096).decode())
        return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    found = Manager(str(tmp_path / "notify"))
    yield found
    found.close()


def test_ready_and_stopping(manager: Manager) -> None:
    ServiceManager().ready("2 queues")
    ServiceManager().stopping()
    assert manager.heard() == ["READY=1\nSTATUS=2 queues", "STOPPING=1\nSTATUS=open calls may end"]


def test_a_reload_begins_with_its_moment_and_ends_ready(manager: Manager) -> None:
    with pytest.raises(ValueError, match="broken"), ServiceManager().reloading():
        raise ValueError("broken")
    begins, ends = manager.heard()
    kind, moment = begins.split("\n")
    assert kind == "RELOADING=1"
    assert int(moment.removeprefix("MONOTONIC_USEC=")) > 0
    assert ends == "READY=1"


async def test_it_tells_that_it_is_alive_while_the_loop_turns(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "3000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    task = asyncio.create_task(ServiceManager().stay_alive())
    told: list[str] = []
    async with asyncio.timeout(5):
        while len(told) < 3:
            await asyncio.sleep(0)
            told += manager.heard()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert set(told) == {"WATCHDOG=1"}


@pytest.mark.parametrize(
    ("usec", "pid"), [("", ""), ("0", ""), ("soon", ""), ("3000000", "1")], ids=repr
)
async def test_nobody_waits_for_signs_of_life(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, usec: str, pid: str
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    await ServiceManager().stay_alive()
    assert manager.heard() == []


def test_the_address_may_have_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = f"kairos-test-{tmp_path.name}-{os.getpid()}"
    found = Manager(f"\0{name}")
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    ServiceManager().ready()
    assert found.heard() == ["READY=1"]
    found.close()


@pytest.mark.parametrize("address", [None, "", "vsock:2:1", "/nowhere/at/all"])
async def test_a_manager_that_does_not_listen_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    ServiceManager().ready()
    with ServiceManager().reloading():
        ServiceManager().stopping()
