"""The writer: group commit, urgency, bounds, and what happens when the database fails it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from adapters.memory import ManualClock
from adapters.sql.batch import Order
from adapters.sql.errors import Again, Doubtful, Lost
from adapters.sql.sqlite import SqliteDatabase
from adapters.sql.store import SqlStore
from gateway.domain.change import Change, Demand
from gateway.domain.errors import BadInput, Conflict, StoreUnavailable
from gateway.domain.model import Guard, Step
from tests.support.builders import NOW, a_callback, after, an_attempt
from tests.support.stores import entry, reservation

T = TypeVar("T")
ROOM = Demand(queue="support", carrier="pbx", limit=10)


class Watched(SqliteDatabase):
    """Counts what is written, and fails when told to: before the work or after it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, path.parent)
        self.writes = 0
        self.before: list[Exception] = []
        self.afterwards: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, work: Callable[[Connection], T]) -> T:
        await self.gate.wait()
        self.writes += 1
        if self.before:
            raise self.before.pop()
        result = await super().write(work)
        if self.afterwards:
            raise self.afterwards.pop()
        return result


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "kairos.db")


@pytest.fixture
async def store(
    database: Watched, clock: ManualClock, sqlite_store_url: str
) -> AsyncIterator[SqlStore]:
    """A store whose time stands still: what lingers waits until it is moved on."""
    store = SqlStore(sqlite_store_url, clock=clock, bound=20)
    store._new_database = lambda: database
    await store.open()
    await store.add([entry(a_callback())])
    database.writes = 0
    yield store
    database.gate.set()
    database.before.clear()
    await store.close()


def change(version: int) -> Change:
    return Change(at=NOW, callback=a_callback(version=version))


async def waiting(*receipts: Awaitable[None]) -> list[asyncio.Task[None]]:
    """Await receipts in the background and let everything go as far as it can."""

    async def one(receipt: Awaitable[None]) -> None:
        await receipt

    tasks = [asyncio.create_task(one(receipt)) for receipt in receipts]
    for _ in range(20):
        await asyncio.sleep(0)
    return tasks


async def test_submitted_changes_share_one_commit(
    store: SqlStore, database: Watched, clock: ManualClock
) -> None:
    tasks = await waiting(*(store.submit(change(n)) for n in range(2, 12)))
    assert database.writes == 0
    await clock.advance(0.05)
    await asyncio.gather(*tasks)
    assert database.writes == 1


async def test_an_order_commits_at_once_and_takes_everything_along(
    store: SqlStore, database: Watched
) -> None:
    tasks = await waiting(*(store.submit(change(n)) for n in range(2, 5)))
    await store.start_sending([], NOW)
    await asyncio.gather(*tasks)
    assert database.writes == 1


async def test_orders_run_after_the_changes_submitted_before_them(store: SqlStore) -> None:
    receipts = [store.submit(change(2))]
    canceled = asyncio.create_task(store.request_cancel("callback-1", "enough", NOW))
    await asyncio.sleep(0)
    receipts.append(store.submit(change(3)))
    assert await canceled
    results = await asyncio.gather(*receipts, return_exceptions=True)
    assert [type(one) for one in results] == [type(None), Conflict]


async def test_a_claim_that_finds_nothing_costs_one_visit(
    store: SqlStore, database: Watched
) -> None:
    assert await store.claim(after(-60), [ROOM], reservation) == []
    assert database.writes == 1


async def test_too_many_waiting_changes_are_refused(
    store: SqlStore, database: Watched, clock: ManualClock
) -> None:
    receipts = [store.submit(change(n)) for n in range(2, 25)]
    refused = [one for one in receipts if one.done()]  # type: ignore[attr-defined]
    assert len(refused) == 3
    for receipt in refused:
        with pytest.raises(StoreUnavailable, match="too many changes"):
            await receipt
    with pytest.raises(StoreUnavailable, match="too many changes"):
        await store.start_sending(["x"], NOW)
    await clock.advance(1.0)
    await asyncio.gather(*receipts[:20])


async def test_closing_writes_what_waits(store: SqlStore) -> None:
    receipts = [store.submit(change(n)) for n in range(2, 5)]
    await store.close()
    await asyncio.gather(*receipts)


async def test_an_order_that_nobody_waits_for_any_more_is_not_carried_out(
    store: SqlStore, database: Watched
) -> None:
    database.gate.clear()
    busy = asyncio.create_task(store.start_sending(["x"], NOW))
    await asyncio.sleep(0)
    claim = asyncio.create_task(store.claim(NOW, [ROOM], reservation))
    for _ in range(5):
        await asyncio.sleep(0)
    claim.cancel()
    await asyncio.gather(claim, return_exceptions=True)
    database.gate.set()
    await busy
    assert await store.next_due(["support"]) == NOW


@pytest.mark.parametrize("before", [[Again(), Again()], [Again(), Lost()], [Lost(), Again()]])
async def test_what_was_certainly_not_kept_is_tried_again(
    store: SqlStore, database: Watched, clock: ManualClock, before: list[Exception]
) -> None:
    database.before = before
    canceled = asyncio.create_task(store.request_cancel("callback-1", "enough", NOW))
    for _ in range(2):
        await clock.advance(0.4)
    assert await canceled
    assert database.writes == 3


async def test_trying_again_has_an_end(store: SqlStore, database: Watched) -> None:
    database.before = [Lost("gone")] * 2
    with capture_logs() as logs, pytest.raises(StoreUnavailable, match="gone"):
        await store.request_cancel("callback-1", "enough", NOW)
    assert [one["event"] for one in logs].count("store.unavailable") == 1
    with capture_logs() as logs:
        assert await store.request_cancel("callback-1", "enough", NOW)
    assert [one["event"] for one in logs] == ["store.available"]


async def test_a_commit_in_doubt_is_not_repeated(store: SqlStore, database: Watched) -> None:
    database.afterwards = [Doubtful()]
    receipt = store.submit(change(2))
    with pytest.raises(StoreUnavailable, match="may or may not"):
        await store.request_cancel("callback-1", "enough", NOW)
    with pytest.raises(StoreUnavailable, match="may or may not"):
        await receipt
    assert database.writes == 1
    history = await store.history("callback-1")
    assert history is not None
    assert history.callback.state == "CANCELED"


async def test_a_mistake_of_ours_fails_its_batch_and_the_writer_goes_on(
    store: SqlStore, clock: ManualClock
) -> None:
    def mistake(connection: Connection) -> None:
        raise KeyError("mistake")

    order = Order(work=mistake, future=asyncio.get_running_loop().create_future())
    store._opened().put(order)
    with capture_logs() as logs, pytest.raises(KeyError):
        await order.future
    assert [one["event"] for one in logs] == ["store.batch_failed"]
    [task] = await waiting(store.submit(change(2)))
    await clock.advance(0.05)
    await task


@pytest.mark.parametrize(
    "bad",
    [
        Change(at=NOW.replace(tzinfo=None)),
        Change(at=NOW, attempt=an_attempt(number="zero\0")),
        Change(at=NOW, attempt=an_attempt(number="half\ud800")),
        Change(at=NOW, attempt=an_attempt(min_gap=float("nan"))),
        Change(at=NOW, guards=(Guard(key="contact:\0"),)),
        Change(at=NOW, steps=(Step(callback_id="callback-1", at=NOW, kind="k", text="\0"),)),
    ],
    ids=["no zone", "zero", "half a character", "no number", "guard", "step"],
)
async def test_what_no_database_takes_is_bad_input(store: SqlStore, bad: Change) -> None:
    with pytest.raises(BadInput):
        await store.submit(bad)


async def test_bad_input_at_intake_fails_alone(store: SqlStore) -> None:
    receipt = store.submit(change(2))
    with pytest.raises(BadInput):
        await store.add([entry(a_callback(id="callback-2", queue="sales", reason="\0"))])
    await receipt


async def test_a_number_too_large_for_the_database_fails_alone(store: SqlStore) -> None:
    receipts = [store.submit(change(2)), store.submit(Change(at=NOW, attempt=an_attempt(n=2**70)))]
    await store.start_sending([], NOW)
    results = await asyncio.gather(*receipts, return_exceptions=True)
    assert [type(one) for one in results] == [type(None), Conflict]
