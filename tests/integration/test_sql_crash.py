"""SQLite under bad luck: the process is killed, the disk fills up."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from adapters.sql import SqlStore
from adapters.sql.batch import Order
from adapters.system import SystemClock
from gateway.domain.errors import StoreUnavailable
from tests.support.builders import NOW, a_callback
from tests.support.requirements import register, require
from tests.support.stores import entry


def new_store(url: str) -> SqlStore:
    return SqlStore(url, clock=SystemClock())


_WRITES_FOREVER = """
import asyncio, sys
from dataclasses import replace
from adapters.sql import SqlStore
from adapters.system import SystemClock
from gateway.domain.change import Change
from gateway.domain.model import Step
from tests.support.builders import NOW, a_callback
from tests.support.stores import entry

async def main():
    store = SqlStore(sys.argv[1], clock=SystemClock())
    await store.open()
    await store.add([entry(a_callback())])
    version = 1
    while True:
        receipts = []
        for _ in range(20):
            version += 1
            step = Step(callback_id="callback-1", at=NOW, kind="n", text=str(version))
            change = Change(at=NOW, callback=a_callback(version=version), steps=(step,))
            receipts.append(store.submit(change))
        for number, receipt in zip(range(version - 19, version + 1), receipts):
            await receipt
            print("kept", number, flush=True)

asyncio.run(main())
"""


def killed_after(lines: int, url: str) -> int:
    """Let a process write until it has acknowledged so much, kill it; return the last number."""
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITES_FOREVER, url],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert writer.stdout is not None
    said: list[str] = []
    while len(said) < lines:
        line = writer.stdout.readline()
        said += [line] if line.startswith("kept") else []
    writer.send_signal(signal.SIGKILL)
    said += writer.stdout.readlines()
    writer.wait(10)
    writer.stdout.close()
    return max(int(line.split()[1]) for line in said if line.endswith("\n"))


@pytest.mark.parametrize("lines", [1, 30, 75])
async def test_a_killed_process_loses_nothing_it_acknowledged(
    sqlite_store_url: str, lines: int
) -> None:
    last = await asyncio.to_thread(killed_after, lines, sqlite_store_url)
    store = new_store(sqlite_store_url)
    await store.open()  # the lock went with the process
    history = await store.history("callback-1")
    assert history is not None
    assert history.callback.version >= last
    texts = [one.text for one in history.steps]
    assert texts == [str(n) for n in range(2, history.callback.version + 1)]
    assert await store.audit(NOW) == []
    await store.close()


# A full disk


def _why_no_small_disk() -> str | None:
    if os.geteuid() != 0:
        return "only root can mount a small file system"
    # Tried in a name space of its own, which takes the mount away with it.
    mount = ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "kairos-test", "/mnt"]
    probe = subprocess.run(mount, check=False, capture_output=True)
    return None if probe.returncode == 0 else "this machine lets nobody mount"


register("small disk", _why_no_small_disk)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    require("small disk")
    mounted = tmp_path / "small"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "kairos-test", str(mounted)]
    subprocess.run(mount, check=True, capture_output=True)
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


async def test_a_full_disk_is_unavailable_and_space_ends_it(small_disk: Path) -> None:
    store = new_store(f"sqlite:///{small_disk / 'kairos.db'}")
    await store.open()
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)
    kept: list[str] = []

    async def fill() -> None:
        for n in range(10_000):
            one = a_callback(id=f"callback-{n:05}", queue=f"queue-{n}", reason="x" * 2_000)
            await store.add([entry(one)])
            kept.append(one.id)

    with pytest.raises(StoreUnavailable, match="no space is left"):
        await fill()
    assert len(kept) > 10
    with pytest.raises(StoreUnavailable, match="no space is left"):
        await store.add(
            [entry(a_callback(id=f"b{n}", queue=f"b{n}", reason="x" * 9_000)) for n in range(200)]
        )
    assert (await store.counts())["SCHEDULED"] == len(kept)
    ballast.unlink()
    await store.add([entry(a_callback(id="last", queue="last"))])
    await store.close()
    await store.open()
    listed = await store.callbacks(limit=20_000)
    assert [one.id for one, _ in reversed(listed)] == [*kept, "last"]
    await store.close()
    with sqlite3.connect(small_disk / "kairos.db") as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    plain.close()


# A disk that hangs


async def test_a_disk_that_hangs_is_unavailable_and_waited_for(
    sqlite_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(sqlite_store_url)
    await store.open()
    await store.add([entry(a_callback())])
    monkeypatch.setattr("adapters.sql.sqlite._PATIENCE", 0.05)
    moving = threading.Event()

    def hang(connection: Connection) -> None:
        connection.execute(text("DELETE FROM callback"))
        moving.wait(30)

    stuck = Order(work=hang, future=asyncio.get_running_loop().create_future())
    store._opened().put(stuck)
    with pytest.raises(StoreUnavailable, match="disk did not answer in time"):
        await stuck.future
    with pytest.raises(StoreUnavailable, match="disk did not answer in time"):
        await store.request_cancel("callback-1", "enough", NOW)
    moving.set()
    monkeypatch.setattr("adapters.sql.sqlite._PATIENCE", 10.0)
    # What hung was carried out in the end, before anything after it: nothing overlapped.
    assert not await store.request_cancel("callback-1", "enough", NOW)
    await store.close()
