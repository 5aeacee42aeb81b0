"""The journal and holds where several nodes share one PostgreSQL database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from adapters.sql import SqlStore
from adapters.sql.database import begin
from adapters.system import SystemClock
from gateway.domain.change import Change, Demand
from gateway.domain.model import Step
from gateway.domain.records import HOLD_ALL, Hold
from tests.support.builders import NOW, a_callback, after
from tests.support.stores import entry, reservation

pytestmark = pytest.mark.postgres

_ADD = text(
    "INSERT INTO step (callback_id, at, kind, text, data) "
    "VALUES ('callback-1', 0, 'noted', 'slow', '{}') RETURNING id"
)


@pytest.fixture
async def nodes(postgres_store_url: str) -> AsyncIterator[list[SqlStore]]:
    """Two gateways on one database, in which there is a callback."""
    stores = [SqlStore(postgres_store_url, clock=SystemClock()) for _ in range(2)]
    for store in stores:
        await store.open()
    await stores[0].add([entry(a_callback())])
    yield stores
    for store in stores:
        await store.close()


@contextlib.asynccontextmanager
async def slow_writer(url: str) -> AsyncIterator[AsyncConnection]:
    """A third node in the midst of a writing transaction, begun as every node begins one."""
    engine = create_async_engine(
        url.replace("postgresql:", "postgresql+asyncpg:"), poolclass=NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(begin)
        yield connection
    await engine.dispose()


def a_change(note: str) -> Change:
    step = Step(callback_id="callback-1", at=NOW, kind="noted", text=note)
    return Change(at=NOW, steps=(step,))


async def notes(store: SqlStore, after: int = 0) -> list[str]:
    return [one.step.text for one in await store.journal(after=after)]


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_entries_that_could_still_be_overtaken_are_held_back(
    nodes: list[SqlStore], postgres_store_url: str, ending: str
) -> None:
    await nodes[0].submit(a_change("first"))
    end = await nodes[0].journal_end()
    async with slow_writer(postgres_store_url) as slow:
        await slow.execute(_ADD)
        for store in nodes:
            await store.submit(a_change("quick"))
        assert await notes(nodes[1]) == ["first"]
        assert await nodes[1].journal_end() == end
        await (slow.commit() if ending == "commit" else slow.rollback())
    quick = ["quick", "quick"]
    assert await notes(nodes[1], end) == (["slow", *quick] if ending == "commit" else quick)


async def test_a_writer_that_has_drawn_no_place_yet_holds_back_only_what_comes_after_it(
    nodes: list[SqlStore], postgres_store_url: str
) -> None:
    await nodes[0].submit(a_change("before"))
    async with slow_writer(postgres_store_url) as slow:
        assert await notes(nodes[1]) == ["before"]
        await nodes[0].submit(a_change("meanwhile"))
        assert await notes(nodes[1]) == ["before"]
        await slow.execute(_ADD)
        await slow.commit()
    assert await notes(nodes[1]) == ["before", "meanwhile", "slow"]


async def test_a_batch_that_was_begun_anew_is_seen_by_readers_too(
    nodes: list[SqlStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Connection] = []

    def spy(connection: Connection) -> None:
        begun.append(connection)
        begin(connection)

    monkeypatch.setattr("adapters.sql.batch.begin", spy)
    lost = nodes[0].submit(Change(at=NOW, steps=(Step(callback_id="?", at=NOW, kind="", text=""),)))
    await nodes[0].submit(a_change("kept"))
    with pytest.raises(Exception, match="constraint"):
        await lost
    assert len(begun) == 1
    assert await notes(nodes[1]) == ["kept"]


async def test_a_reader_with_a_cursor_misses_nothing_while_nodes_write_at_once(
    nodes: list[SqlStore], postgres_store_url: str
) -> None:
    done = asyncio.Event()
    third = SqlStore(postgres_store_url, clock=SystemClock())
    await third.open()

    async def write(store: SqlStore, name: str) -> None:
        for n in range(60):
            await asyncio.gather(*(store.submit(a_change(f"{name} {n} {m}")) for m in range(3)))
            await store.start_sending([], NOW)

    async def read() -> list[str]:
        seen: list[str] = []
        cursor = 0
        while True:
            last = done.is_set()
            page = await third.journal(after=cursor, limit=7)
            seen += [one.step.text for one in page]
            cursor = page[-1].id if page else cursor
            if last and not page:
                return seen

    reading = asyncio.ensure_future(read())
    await asyncio.gather(*(write(store, str(n)) for n, store in enumerate(nodes)))
    done.set()
    seen = await reading
    await third.close()
    everything = {f"{name} {n} {m}" for name in range(2) for n in range(60) for m in range(3)}
    assert len(seen) == len(everything)
    assert set(seen) == everything


async def test_a_hold_waits_for_what_other_nodes_are_granting(
    nodes: list[SqlStore], postgres_store_url: str
) -> None:
    demand = Demand(queue="support", carrier="pbx", limit=1)
    [flight] = await nodes[0].claim(NOW, [demand], reservation)
    hold = Hold(target=HOLD_ALL, reason="wrong text", by="anna", since=NOW)
    async with slow_writer(postgres_store_url) as granting:
        holding = asyncio.ensure_future(nodes[1].hold(hold))
        await asyncio.wait({holding}, timeout=0.3)
        assert not holding.done()
        assert await nodes[0].start_sending([flight.legs[0].id], after(1)) == frozenset()
        await granting.commit()
    await asyncio.wait_for(holding, 5)
    assert await nodes[1].holds() == [hold]


async def test_a_node_that_hangs_does_not_keep_a_hold_from_standing(
    nodes: list[SqlStore], postgres_store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.sql.store._SETTLE", 0.1)
    hold = Hold(target=HOLD_ALL, reason="wrong text", by="anna", since=NOW)
    async with slow_writer(postgres_store_url):
        await nodes[0].hold(hold)
        assert await nodes[1].holds() == [hold]


async def test_requests_of_one_contact_at_two_nodes_find_its_open_callback(
    nodes: list[SqlStore],
) -> None:
    again = [replace(a_callback(), id=f"callback-{n}") for n in range(2, 22)]
    added = await asyncio.gather(*(nodes[n % 2].add([entry(one)]) for n, one in enumerate(again)))
    assert {one.callback_id for call in added for one in call} == {"callback-1"}
    assert len(await nodes[0].journal(after=0)) == 20
