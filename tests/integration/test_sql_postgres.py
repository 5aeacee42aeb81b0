"""PostgreSQL itself: several nodes on one database, and a server that comes and goes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import psutil
import pytest

from adapters.sql import SqlStore, open_reader
from adapters.system import SystemClock
from gateway.domain.caps import contact_key
from gateway.domain.change import Candidate, Change, Demand
from gateway.domain.errors import Conflict, StoreUnavailable
from gateway.domain.model import Flight, Guard
from tests.support.builders import NOW, a_callback, a_contact, a_plan, after, an_attempt
from tests.support.postgres import PostgresServer, running_server
from tests.support.stores import entry, one_flight, reservation

pytestmark = pytest.mark.postgres
ROOM = Demand(queue="support", carrier="pbx", limit=10)


def new_store(url: str) -> SqlStore:
    return SqlStore(url, clock=SystemClock())


@pytest.fixture
async def nodes(postgres_store_url: str) -> AsyncIterator[list[SqlStore]]:
    """Two gateways on one database."""
    stores = [new_store(postgres_store_url) for _ in range(2)]
    for store in stores:
        await store.open()
    yield stores
    for store in stores:
        await store.close()


@pytest.fixture
def mortal_server() -> Iterator[PostgresServer]:
    """A server of the test's own, to be stopped and killed."""
    with running_server() as server:
        yield server


@contextlib.contextmanager
def silence(server: PostgresServer) -> Iterator[None]:
    """Let the server keep its connections but answer nothing, and take no new ones."""
    assert server._process is not None
    whole = psutil.Process(server._process.pid)
    stopped = [whole, *whole.children()]
    for one in stopped:
        one.suspend()
    try:
        yield
    finally:
        for one in stopped:
            one.resume()


async def test_two_nodes_that_claim_at_once_never_reserve_the_same(nodes: list[SqlStore]) -> None:
    number = "+3584000{:05}".format
    people, each = 40, 3
    await nodes[0].add(
        [
            entry(
                a_callback(
                    id=f"callback-{n:03}-{k}",
                    contact_id=f"contact-{n}",
                    plan=a_plan(number=number(n)),
                ),
                contact=a_contact(number(n), id=f"contact-{n}"),
            )
            for k in range(each)
            for n in range(people)
        ]
    )

    def careful(candidate: Candidate) -> Change:
        guard = Guard(key=contact_key(candidate.contact.id), n_day=1, cap_day=3)
        return reservation(candidate, guards=(guard,))

    async def claim_all(store: SqlStore) -> list[Flight]:
        found: list[Flight] = []
        while await store.next_due(["support"]) == NOW:
            found += await store.claim(NOW, [ROOM], careful)
        return found

    flights = [one for both in await asyncio.gather(*map(claim_all, nodes)) for one in both]
    assert len(flights) == people
    assert len({one.contact.id for one in flights}) == people
    sent = await asyncio.gather(
        *(store.start_sending([one.legs[0].id for one in flights], NOW) for store in nodes)
    )
    assert len(sent[0]) + len(sent[1]) == people
    assert not sent[0] & sent[1]
    assert await nodes[0].audit(NOW) == []


async def test_a_locked_callback_is_skipped_and_not_waited_for(nodes: list[SqlStore]) -> None:
    await nodes[0].add([entry(a_callback())])
    inner: list[asyncio.Task[list[Flight]]] = []

    def look(candidate: Candidate) -> Change:
        inner.append(asyncio.ensure_future(nodes[1].claim(NOW, [ROOM], reservation)))
        return reservation(candidate)

    flights = await nodes[0].claim(NOW, [ROOM], look)
    assert len(flights) == 1
    assert await asyncio.wait_for(inner[0], 5) == []


async def test_the_same_key_taken_in_at_two_nodes_at_once_is_one_callback(
    nodes: list[SqlStore],
) -> None:
    for n in range(20):
        one = a_callback(id=f"first-{n}", queue=f"queue-{n}", idempotency_key=f"key-{n}")
        two = replace(one, id=f"second-{n}")
        both = await asyncio.gather(nodes[0].add([entry(one)]), nodes[1].add([entry(two)]))
        assert len({added.callback_id for call in both for added in call}) == 1
        assert sorted(added.merged for call in both for added in call) == [False, True]


async def test_a_change_of_the_other_node_is_a_conflict(nodes: list[SqlStore]) -> None:
    await nodes[0].add([entry(a_callback())])
    receipts = [store.submit(Change(at=NOW, callback=a_callback(version=2))) for store in nodes]
    results = await asyncio.gather(*receipts, return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["Conflict", "NoneType"]


async def test_nodes_that_lock_each_other_both_get_through(nodes: list[SqlStore]) -> None:
    names = [f"callback-{n}" for n in range(8)]
    await nodes[0].add([entry(a_callback(id=one, queue=one)) for one in names])

    async def cancel(store: SqlStore, ids: list[str]) -> list[bool]:
        return list(
            await asyncio.gather(*(store.request_cancel(one, "enough", NOW) for one in ids))
        )

    results = await asyncio.gather(cancel(nodes[0], names), cancel(nodes[1], names[::-1]))
    assert sorted(map(sum, zip(*results, strict=True)))  # nothing raised
    assert (await nodes[0].counts())["CANCELED"] == 8


async def test_stores_opened_at_once_migrate_once(postgres_url: str) -> None:
    stores = [new_store(postgres_url) for _ in range(3)]
    await asyncio.gather(*(store.open() for store in stores))
    await one_flight(stores[0])
    assert len(await stores[2].open_flights()) == 1
    await asyncio.gather(*(store.close() for store in stores))


async def test_a_server_that_is_down_at_start_is_told_plainly(
    mortal_server: PostgresServer,
) -> None:
    url = mortal_server.url(mortal_server.create_database())
    mortal_server.stop()
    with pytest.raises(StoreUnavailable, match="cannot be reached: connection refused"):
        await new_store(url).open()
    mortal_server.start()
    store = new_store(url)
    await store.open()
    await store.close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda url: url.replace("kairos:", "kairos:wrong"), "user or password"),
        (lambda url: url.rpartition("/")[0] + "/nowhere", "no database of this name"),
    ],
    ids=["password", "name"],
)
async def test_a_wrong_address_is_told_plainly(
    postgres_url: str, spoil: Callable[[str], str], words: str
) -> None:
    with pytest.raises(StoreUnavailable, match=words):
        await new_store(spoil(postgres_url)).open()


@pytest.mark.parametrize("how", ["fast", "kill"])
async def test_a_restart_loses_nothing_acknowledged_and_is_recovered_from(
    mortal_server: PostgresServer, how: str
) -> None:
    store = new_store(mortal_server.url(mortal_server.create_database()))
    await store.open()
    await store.add([entry(a_callback())])
    await store.submit(Change(at=NOW, callback=a_callback(version=2)))
    mortal_server.stop(how)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        await store.submit(Change(at=NOW, callback=a_callback(version=3)))
    with pytest.raises(StoreUnavailable):
        await store.counts()
    mortal_server.start()
    await store.submit(Change(at=NOW, callback=a_callback(version=3)))
    history = await store.history("callback-1")
    assert history is not None
    assert history.callback.version == 3
    await store.close()


async def test_a_restart_between_two_writes_is_not_even_noticed(
    mortal_server: PostgresServer,
) -> None:
    store = new_store(mortal_server.url(mortal_server.create_database()))
    await store.open()
    await store.add([entry(a_callback())])
    mortal_server.stop("fast")
    mortal_server.start()
    assert (await store.counts())["SCHEDULED"] == 1
    assert len(await store.claim(NOW, [ROOM], reservation)) == 1
    await store.close()


async def test_a_server_that_falls_silent_leaves_no_doubt_unsaid(
    mortal_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(mortal_server.url(mortal_server.create_database()))
    await store.open()
    await store.add([entry(a_callback())])
    with monkeypatch.context() as patience, silence(mortal_server):
        patience.setattr("adapters.sql.postgres._PATIENCE", 0.3)
        patience.setattr("adapters.sql.postgres._CONNECT", 0.3)
        with pytest.raises(StoreUnavailable, match="may or may not"):
            await store.submit(Change(at=NOW, callback=a_callback(version=2)))
        with pytest.raises(StoreUnavailable, match="in time"):
            await store.counts()
    assert (await store.counts())["SCHEDULED"] == 1
    assert await store.request_cancel("callback-1", "enough", NOW)
    await store.close()


@pytest.mark.slow
async def test_changes_go_on_while_the_server_is_killed_again_and_again(
    mortal_server: PostgresServer,
) -> None:
    store = new_store(mortal_server.url(mortal_server.create_database()))
    await store.open()
    await store.add([entry(a_callback())])
    stop = asyncio.Event()
    acknowledged = 1

    async def write() -> None:
        nonlocal acknowledged
        version = 1
        while not stop.is_set():
            try:
                await store.submit(Change(at=NOW, callback=a_callback(version=version + 1)))
            except Conflict:  # the last one had been kept after all
                version += 1
            except StoreUnavailable:
                await asyncio.sleep(0.05)
            else:
                version += 1
                acknowledged = version

    async def kill() -> None:
        for _ in range(3):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(mortal_server.stop, "kill")
            await asyncio.to_thread(mortal_server.start)
        await asyncio.sleep(0.3)
        stop.set()

    await asyncio.gather(write(), kill())
    history = await store.history("callback-1")
    assert history is not None
    assert history.callback.version >= acknowledged > 5
    await store.close()


async def test_a_reader_reads_beside_the_gateways_and_cannot_write(
    nodes: list[SqlStore], postgres_store_url: str
) -> None:
    flight = await one_flight(nodes[0])
    async with open_reader(postgres_store_url) as reader:
        assert await reader.open_flights() == [flight]
        assert await reader.audit(NOW) == []
        with pytest.raises(StoreUnavailable, match="takes no changes"):
            await reader._database.read(
                lambda connection: connection.exec_driver_sql("DELETE FROM step")
            )
        assert (await reader.counts())["DIALING"] == 1


async def test_guards_made_by_two_nodes_at_once_are_both_counted(nodes: list[SqlStore]) -> None:
    contact = a_contact()
    queues = ("support", "sales")
    await nodes[0].add([entry(a_callback(id=one, queue=one), contact=contact) for one in queues])
    room = [Demand(queue=one, carrier="pbx", limit=1) for one in queues]
    key = contact_key(contact.id)

    def count(candidate: Candidate) -> Change:
        seen = candidate.guards.get(key, Guard(key=key, cap_day=9))
        attempt = an_attempt(id=candidate.callback.id, callback_id=candidate.callback.id)
        closed = replace(attempt, closed_at=NOW)
        moved = candidate.callback.moved(candidate.callback.state, due_at=after(9_999))
        guard = replace(seen, n_day=seen.n_day + 1)
        return Change(at=NOW, callback=moved, attempt=closed, guards=(guard,))

    await asyncio.gather(
        *(store.claim(NOW, [one], count) for store, one in zip(nodes, room, strict=True))
    )
    await nodes[0].claim(after(60), room, count)
    seen: list[Candidate] = []

    def look(candidate: Candidate) -> Change:
        seen.append(candidate)
        return Change(at=NOW)

    await nodes[0].claim(after(99_999), room, look)
    assert seen[0].guards[key].n_day == 2
