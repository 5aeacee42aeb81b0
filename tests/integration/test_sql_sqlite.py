"""SQLite itself: one owner, private files, readers beside it, no statement that reads it all."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from adapters.sql import SqlStore, changes, claim, intake, lists, lookup, open_reader, orders, reads
from adapters.sql.ready import Ready
from adapters.sql.records import amend, contacts, journal, permits, webhooks
from adapters.system import SystemClock
from gateway.domain.errors import BadInput, StoreLocked, StoreUnavailable
from gateway.domain.records import HOLD_ALL, Hold
from tests.support.builders import NOW, NUMBER, a_callback, a_contact
from tests.support.stores import entry, one_flight


def _modes(folder: Path) -> dict[str, int]:
    return {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()}


def new_store(url: str) -> SqlStore:
    return SqlStore(url, clock=SystemClock())


# One owner


async def test_a_data_directory_has_one_owner_whose_process_is_named(
    sqlite_store_url: str,
) -> None:
    store = new_store(sqlite_store_url)
    await store.open()
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        await new_store(sqlite_store_url).open()
    await store.add([entry(a_callback())])
    await store.close()
    await store.open()
    assert (await store.counts())["SCHEDULED"] == 1
    await store.close()


async def test_the_lock_is_in_the_data_directory_asked_for(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kairos.db'}"
    store = SqlStore(url, data_dir=tmp_path / "own" / "deep", clock=SystemClock())
    await store.open()
    assert (tmp_path / "own" / "deep" / "kairos.lock").read_text() == f"{os.getpid()}\n"
    await store.close()


async def test_a_failed_opening_lets_go_of_the_lock(tmp_path: Path) -> None:
    (tmp_path / "kairos.db").write_bytes(b"this is no database" * 100)
    url = f"sqlite:///{tmp_path / 'kairos.db'}"
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="damaged or no database"):
            await new_store(url).open()


@pytest.mark.parametrize(
    "url",
    ["", "sqlite://", "sqlite:///:memory:", "mysql://host/name", "nonsense", "sqlite+nope://"],
)
def test_an_unusable_address_is_bad_input(url: str) -> None:
    with pytest.raises(BadInput, match="sqlite:///path"):
        new_store(url)


async def test_only_the_owner_may_read_the_files(tmp_path: Path, sqlite_store_url: str) -> None:
    (tmp_path / "kairos.db").touch(0o666)
    store = new_store(sqlite_store_url)
    await store.open()
    await store.add([entry(a_callback())])
    assert _modes(tmp_path) == dict.fromkeys(
        ("kairos.db", "kairos.db-wal", "kairos.db-shm", "kairos.lock"), 0o600
    )
    await store.close()


async def test_what_is_committed_is_synced(sqlite_store_url: str) -> None:
    store = new_store(sqlite_store_url)
    await store.open()
    assert store._database is not None
    pragmas = ("journal_mode", "synchronous", "foreign_keys")
    seen = await store._database.write(
        lambda connection: [connection.exec_driver_sql(f"PRAGMA {one}").scalar() for one in pragmas]
    )
    assert seen == ["wal", 2, 1]
    await store.close()


# Reading beside a running gateway


async def test_a_reader_sees_what_a_running_store_has_committed(sqlite_store_url: str) -> None:
    store = new_store(sqlite_store_url)
    await store.open()
    async with open_reader(sqlite_store_url) as reader:
        assert await reader.callbacks() == []
        flight = await one_flight(store)
        assert await reader.open_flights() == [flight]
        assert (await reader.counts())["DIALING"] == 1
        assert await reader.audit(NOW) == []
        history = await reader.history("callback")
        assert history is not None
        assert history.callback == flight.callback
        await store.close()
        assert (await reader.counts())["DIALING"] == 1
    async with open_reader(sqlite_store_url) as reader:
        assert (await reader.counts())["DIALING"] == 1


async def test_a_reader_cannot_write(sqlite_store_url: str) -> None:
    store = new_store(sqlite_store_url)
    await store.open()
    async with open_reader(sqlite_store_url) as reader:
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            await reader._database.read(
                lambda connection: connection.exec_driver_sql("DELETE FROM callback")
            )
    await store.close()


async def test_a_reader_says_plainly_that_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no database file"):
        async with open_reader(f"sqlite:///{tmp_path / 'none.db'}"):
            pass
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreUnavailable, match="start the gateway first"):
        async with open_reader(f"sqlite:///{tmp_path / 'empty.db'}"):
            pass


# Speed by construction


_MODULES = (changes, claim, intake, lists, lookup, orders, reads)
_RECORDS = (amend, contacts, journal, permits, webhooks)
# Of a dozen rows at most, or made by the statement itself.
_SMALL = ("json_each", "anon", "hold", "api_key", "webhook", "days")


def _statements() -> dict[str, str]:
    """Every statement that is written out ahead, as SQLite gets it."""
    found = {}
    for module in (*_MODULES, *_RECORDS):
        for name, value in vars(module).items():
            for key, one in value.items() if isinstance(value, dict) else [("", value)]:
                statement = one.statement if isinstance(one, Ready) else one
                if name.isupper() and getattr(statement, "is_dml", False) | getattr(
                    statement, "is_select", False
                ):
                    text = str(statement.compile(dialect=sqlite.dialect()))
                    found[f"{module.__name__}.{name}{key}"] = text
    return found


async def test_no_statement_of_every_day_reads_a_whole_table(sqlite_store_url: str) -> None:
    store = new_store(sqlite_store_url)
    await store.open()
    await store.close()
    statements = _statements()
    assert len(statements) > 30
    with sqlite3.connect(sqlite_store_url.removeprefix("sqlite:///")) as plain:
        for name, statement in statements.items():
            values = [0] * statement.count("?")
            plan = plain.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            scanned = [
                line[-1]
                for line in plan
                if line[-1].startswith("SCAN")
                and not line[-1].startswith(tuple(f"SCAN {one}" for one in _SMALL))
            ]
            # Nearly all callbacks are in one state: to find by state alone is to read them all.
            scanned += [line[-1] for line in plan if line[-1].endswith("(state=?)")]
            assert not scanned, f"{name}: {plan}"
    plain.close()


async def test_a_reader_answers_every_question_about_the_records(sqlite_store_url: str) -> None:
    store = new_store(sqlite_store_url)
    await store.open()
    await store.add([entry(a_callback())])
    await store.add([entry(a_callback(id="callback-2", source="web"))])
    await store.hold(Hold(target=HOLD_ALL, reason="wrong text", by="anna", since=NOW))
    await store.do_not_call("+1", "asked for it", NOW)
    async with open_reader(sqlite_store_url) as reader:
        for one in (store, reader):
            assert await one.contact("contact-1") == a_contact()
            assert await one.contacts(number=NUMBER) == [a_contact()]
            assert await one.open_callbacks(number=NUMBER) == [a_callback()]
            assert [its.number for its in await one.do_not_call_list()] == ["+1"]
            assert [its.target for its in await one.holds()] == [HOLD_ALL]
            [told] = await one.journal(after=0)
            assert (told.step.kind, told.id) == ("merged", await one.journal_end())
            nothing = [await one.keys(), await one.interactions(), await one.webhooks()]
            assert [*nothing, await one.deliveries("hook-1")] == [[], [], [], []]
    await store.close()
