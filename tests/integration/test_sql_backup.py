"""Backups made beside a running store, and what is done to them before they are used again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.memory import ManualClock
from adapters.sql import SqlStore, open_reader
from adapters.sql.backup import backup, mark_restored, taken_at
from adapters.system import SystemClock
from gateway.domain.change import Change, Demand
from gateway.domain.errors import BadInput, StoreLocked, StoreUnavailable
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Step
from tests.support.builders import NOW, OTHER_NUMBER, a_callback, a_contact, a_plan
from tests.support.stores import entry, one_flight, reservation

ROOM = Demand(queue="support", carrier="pbx", limit=5)


@pytest.fixture
async def store(sqlite_migrated_url: str) -> AsyncIterator[SqlStore]:
    opened = SqlStore(sqlite_migrated_url, clock=SystemClock())
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def database(sqlite_migrated_url: str) -> Path:
    return Path(sqlite_migrated_url.removeprefix("sqlite:///"))


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


async def test_a_backup_holds_what_was_committed_and_stands_alone(
    store: SqlStore, database: Path, tmp_path: Path
) -> None:
    flight = await one_flight(store)
    target = tmp_path / "copies" / "kairos.backup"
    target.parent.mkdir()
    size = await backup(database, target, now=NOW)
    await store.submit(Change(at=NOW, callback=flight.callback.moved(CallbackState.DIALING)))
    assert names(target.parent) == {"kairos.backup"}
    assert (target.stat().st_size, target.stat().st_mode & 0o777) == (size, 0o600)
    assert taken_at(target) == NOW
    assert taken_at(database) is None
    async with open_reader(f"sqlite:///{target}") as reader:
        assert await reader.open_flights() == [flight]


async def test_a_backup_is_of_one_moment_though_the_store_goes_on(
    store: SqlStore, database: Path, tmp_path: Path
) -> None:
    await store.add([entry(a_callback())])
    stop = asyncio.Event()

    async def write() -> int:
        version = 1
        while not stop.is_set():
            version += 1
            step = Step(callback_id="callback-1", at=NOW, kind="noted", text=f"{version}")
            change = Change(at=NOW, callback=a_callback(version=version), steps=(step,))
            await store.submit(change)
        return version

    writing = asyncio.ensure_future(write())
    versions = []
    for n in range(5):
        target = tmp_path / f"copy-{n}"
        await backup(database, target, now=NOW)
        async with open_reader(f"sqlite:///{target}") as reader:
            history = await reader.history("callback-1")
            assert history is not None
            assert history.callback.version == 1 + len(history.steps)
            versions.append(history.callback.version)
    stop.set()
    assert versions == sorted(versions)
    assert await writing >= versions[-1]


async def test_a_backup_never_overwrites_and_leaves_nothing_half_done(
    store: SqlStore, database: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.write_text("precious")
    with pytest.raises(BadInput, match="exists already"):
        await backup(database, there, now=NOW)
    assert there.read_text() == "precious"
    with pytest.raises(StoreUnavailable, match="no database file"):
        await backup(tmp_path / "none.db", tmp_path / "copy", now=NOW)
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        await backup(database, tmp_path / "nowhere" / "copy", now=NOW)
    side_files = {one for one in names(tmp_path) if one.startswith("kairos.db-")}
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreUnavailable, match="damaged or no database"):
        await backup(garbage, tmp_path / "copy", now=NOW)
    assert names(tmp_path) == {"garbage.db", "kairos.db", "kairos.lock", "there"} | side_files
    with pytest.raises(StoreUnavailable, match="damaged or no database"):
        taken_at(garbage)
    with pytest.raises(BadInput, match="is not there; name the backup's file"):
        taken_at(tmp_path / "copy")


async def test_restored_data_are_held_and_nothing_in_them_is_open(
    store: SqlStore, database: Path, tmp_path: Path
) -> None:
    await one_flight(store)
    other = a_contact(OTHER_NUMBER, id="contact-2")
    waiting = a_callback(id="waiting", contact_id="contact-2", plan=a_plan(number=OTHER_NUMBER))
    await store.add([entry(waiting, contact=other)])
    copy = tmp_path / "restored" / "kairos.db"
    copy.parent.mkdir()
    await backup(database, copy, now=NOW)
    url = f"sqlite:///{copy}"
    clock = ManualClock(NOW + timedelta(hours=1))
    assert await mark_restored(url, clock=clock, taken_at=taken_at(copy)) == 1
    assert await mark_restored(url, clock=clock, taken_at=None) == 0
    restored = SqlStore(url, clock=SystemClock())
    await restored.open()
    try:
        [hold] = await restored.holds()
        assert hold.reason.startswith("restored from a backup of 2026-03-10 08:00 UTC")
        assert await restored.open_flights() == []
        assert await restored.audit(clock.now()) == []
        history = await restored.history("callback-1")
        assert history is not None
        assert history.callback.state is CallbackState.SCHEDULED
        assert [one.state for one in history.legs] == [LegState.UNRESOLVED]
        later = clock.now() + timedelta(hours=9)
        assert await restored.claim(later, [ROOM], reservation) == []
        await restored.release("all")
        assert len(await restored.claim(later, [ROOM], reservation)) == 2
    finally:
        await restored.close()


async def test_data_in_use_cannot_be_marked(store: SqlStore, sqlite_migrated_url: str) -> None:
    with pytest.raises(StoreLocked):
        await mark_restored(sqlite_migrated_url, clock=SystemClock(), taken_at=None)
    assert await store.holds() == []
