"""Who was called after a backup is not called again by restoring it, unless a person says so."""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory import ManualClock, MemoryDialer
from adapters.sql import SqlStore
from adapters.system import SystemClock
from config.settings import Settings, load_settings
from gateway.bootstrap.saving import restore, save
from gateway.cli.backup_root import Restored
from gateway.cli.bookmark import Bookmark, Bookmarks
from gateway.cli.csvfile import open_source
from gateway.domain.disposition import Disposition
from gateway.domain.errors import StoreLocked
from gateway.domain.events import CallNews
from gateway.domain.records import HOLD_ALL, Scope
from gateway.lifecycle import Failure
from gateway.web.api.keys import make_key
from tests.integration.service_command import Place
from tests.support.builders import NOW
from tests.support.harness import Harness, gateway_of

NUMBERS = tuple(f"+35840123450{n}" for n in range(5))
AFTER_GAP = 70.0


def configured(folder: Path) -> Settings:
    Place(folder)
    return load_settings(folder / "kairos.yaml")


def store_of(configuration: Settings) -> SqlStore:
    url = configuration.database_url.get_secret_value()
    return SqlStore(url, data_dir=configuration.data_dir, clock=SystemClock(), linger=0.001)


@asynccontextmanager
async def closing(store: SqlStore) -> AsyncIterator[None]:
    """Close it after all, whatever happens."""
    try:
        yield
    finally:
        await store.close()


async def until(harness: Harness, condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Let the gateway work until something is so; its clock moves on a little."""
    async with asyncio.timeout(seconds):
        while not condition():
            await harness.clock.advance(0.02)
            await asyncio.sleep(0.002)


async def idle(harness: Harness, seconds: float) -> None:
    """Let so much of the gateway's time pass."""
    for _ in range(10):
        await harness.clock.advance(seconds / 10)
        await asyncio.sleep(0.005)


def reach(dialer: MemoryDialer, leg_id: str) -> None:
    """Let somebody talk to the contact."""
    dialer.tell(leg_id, CallNews.ANSWERED)
    dialer.tell(leg_id, CallNews.CONNECTED)
    dialer.end(leg_id, Disposition.ANSWERED_HUMAN)


async def reach_all(harness: Harness, ended: set[str]) -> None:
    """Let every call that is under way reach its contact, and that be written."""
    for order in [one for one in harness.dialer.orders if one.leg_id not in ended]:
        ended.add(order.leg_id)
        reach(harness.dialer, order.leg_id)
    await idle(harness, 0.2)


async def called_after(
    configuration: Settings, store: SqlStore, clock: ManualClock, copy: Path, plan: list[int]
) -> tuple[list[str], dict[str, str]]:
    """Call everybody; make a backup; call some again. Returns those numbers, and ids by number.

    ``plan`` says of each: 0 reached before the backup, 1 missed before and called again after it,
    2 under way during the backup and reached after it.
    """
    dialer = MemoryDialer(clock, "pbx")
    wanted = NUMBERS[: len(plan)]
    async with closing(store), gateway_of(store, clock=clock, dialer=dialer) as harness:
        ids = await harness.ask(*wanted)
        await until(harness, lambda: len(dialer.orders) == len(plan))
        for order in list(dialer.orders):
            what = plan[wanted.index(order.target)]
            if what == 0:
                reach(dialer, order.leg_id)
            elif what == 1:
                dialer.end(order.leg_id, Disposition.NO_ANSWER)
        await idle(harness, 0.2)
        await save(configuration, copy)
        first = {one.leg_id for one in dialer.orders}
        for order in list(dialer.orders):
            if plan[wanted.index(order.target)] == 2:
                reach(dialer, order.leg_id)
        await idle(harness, AFTER_GAP)
        again = plan.count(1)
        await until(harness, lambda: len(dialer.orders) == len(plan) + again)
        await reach_all(harness, first)
    called = [number for number, what in zip(wanted, plan, strict=True) if what]
    return called, dict(zip(wanted, ids, strict=True))


@settings(max_examples=4, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=4))
async def test_nobody_is_called_after_a_restore_until_a_person_says_so(plan: list[int]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        configuration, clock = configured(folder), ManualClock()
        store, copy = store_of(configuration), folder / "backup.db"
        called, ids = await called_after(configuration, store, clock, copy, plan)
        restored = await restore(configuration, copy, unverified=False, clock=clock)
        check_told(restored, plan, {ids[number] for number in called})
        await check_held(store, clock, restored, called)


def check_told(restored: Restored, plan: list[int], called: set[str]) -> None:
    assert restored.given_up == plan.count(2)
    assert restored.scheduled == plan.count(1) + plan.count(2)
    assert set(restored.called_since) == called
    assert restored.aside is not None
    assert stat.S_IMODE(restored.aside.stat().st_mode) == 0o600


async def check_held(
    store: SqlStore, clock: ManualClock, restored: Restored, called: list[str]
) -> None:
    dialer = MemoryDialer(clock, "pbx")
    async with closing(store), gateway_of(store, clock=clock, dialer=dialer) as harness:
        await idle(harness, 3600.0)
        assert dialer.orders == []
        assert await harness.violations() == []
        for one in restored.called_since:
            await store.request_cancel(one, "called before the restore", clock.now())
        assert await harness.office.holds.resume(HOLD_ALL, by="ann") is not None
        await idle(harness, 7200.0)
        assert not {one.target for one in dialer.orders} & set(called)
        await reach_all(harness, set())
        assert await harness.violations() == []


async def test_who_must_never_be_called_and_which_keys_were_revoked_survives_an_older_backup(
    tmp_path: Path,
) -> None:
    configuration, now = configured(tmp_path), SystemClock().now()
    store, key = store_of(configuration), make_key(name="crm", scope=Scope.ADMIN, now=NOW).key
    await store.open()
    await store.do_not_call(NUMBERS[0], "before", now)
    await store.add_key(key)
    saved = await save(configuration, tmp_path / "copy.db")
    await store.do_not_call(NUMBERS[1], "asked so on the phone", now)
    await store.allow_calls(NUMBERS[0])
    assert await store.revoke_key(key.id, now)
    await store.close()
    await restore(configuration, saved.path, unverified=False)
    await store.open()
    async with closing(store):
        listed = await store.do_not_call_list()
        assert [(one.number, one.reason) for one in listed] == [
            (NUMBERS[0], "before"),
            (NUMBERS[1], "asked so on the phone"),
        ]
        kept = await store.key(key.id)
        assert kept is not None
        assert kept.revoked_at == now


async def test_a_backup_is_put_in_the_place_of_a_database_that_cannot_be_read(
    tmp_path: Path,
) -> None:
    configuration = configured(tmp_path)
    store = store_of(configuration)
    await store.open()
    saved = await save(configuration, tmp_path / "copy.db")
    await store.close()
    (configuration.data_dir / "kairos.db").write_bytes(b"no database" * 1000)
    restored = await restore(configuration, saved.path, unverified=False)
    assert restored.aside is not None
    await store.open()
    async with closing(store):
        assert [one.target for one in await store.holds()] == [HOLD_ALL]


async def test_an_import_that_was_cut_short_begins_anew_after_a_restore(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    store = store_of(configuration)
    await store.open()
    saved = await save(configuration, tmp_path / "copy.db")
    await store.close()
    table = tmp_path / "table.csv"
    table.write_text("number\n+442079460123\n")
    source = open_source(table)
    Bookmarks(configuration.data_dir, source, again=False).write(Bookmark(line=2, added=1))
    await restore(configuration, saved.path, unverified=False)
    assert Bookmarks(configuration.data_dir, source, again=False).read() is None


async def test_a_changed_backup_and_one_without_manifest_are_refused(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    store = store_of(configuration)
    await store.open()
    saved = await save(configuration, tmp_path / "copy.db")
    with pytest.raises(StoreLocked):
        await restore(configuration, saved.path, unverified=False)
    await store.close()
    assert stat.S_IMODE(saved.manifest_path.stat().st_mode) == 0o600
    assert saved.manifest["rows"]["callback"] == 0
    manifest = saved.manifest_path.read_text()
    saved.manifest_path.unlink()
    with pytest.raises(Failure, match="no manifest"):
        await restore(configuration, saved.path, unverified=False)
    saved.manifest_path.write_text("{}")
    with pytest.raises(Failure, match="cannot be read"):
        await restore(configuration, saved.path, unverified=False)
    saved.manifest_path.write_text(manifest)
    with saved.path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(Failure, match="was changed or is damaged"):
        await restore(configuration, saved.path, unverified=False)
    database = configuration.data_dir / "kairos.db"
    assert database.is_file()
    assert not list(configuration.data_dir.glob("*.before-restore-*"))


def test_the_commands_tell_what_is_left_to_do(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.run("import", str(place.write("number\n+442079460123\n")))
    made = place.run("backup", "monday.db")
    assert made.code == 0, made
    assert "1 callbacks, checked" in made.out
    assert place.run("backup", "monday.db").code == 2
    back = place.run("restore", "monday.db")
    assert back.code == 0, back
    assert "Nothing is called until you say so" in back.out
    assert "1 callbacks are scheduled" in back.err
    assert "resume" in back.err
    marked = place.run("restore", "--mark-only", "--json")
    assert (marked.json["scheduled"], marked.json["held"]) == (1, True)
    assert place.run("restore").code == 2
    misspelt = place.run("restore", "mondey.db")
    assert (misspelt.code, "FILE (mondey.db): is not there" in misspelt.err) == (2, True)
    place.configure(database={"url": "postgresql://kairos:hidden@db.example/kairos"})
    told = place.run("backup", "tuesday.db")
    assert told.code == 2
    assert "pg_dump" in told.err
    assert "--mark-only" in told.err
    assert "hidden" not in told.err
