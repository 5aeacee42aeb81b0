"""Stores to test against: the same suite over memory, SQLite and PostgreSQL.

A pytest plugin. ``backend`` stands for a place where data stays: it opens stores over it, as
often as a test wants. ``store`` is one open store.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from adapters.memory import MemoryStore
from adapters.sql import SqlStore
from adapters.system import SystemClock
from gateway.domain.change import Candidate, Change, Demand, NewCallback
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Callback, Contact, Flight
from gateway.ports import Store
from tests.support.builders import NOW, a_callback, a_contact, a_leg, an_attempt
from tests.support.postgres import PostgresServer


class Backend(Protocol):
    """A place where a store keeps its data."""

    name: str

    async def open(self) -> MemoryStore | SqlStore:
        """Open a store over the data; closed at the end of the test if not before."""
        ...


class MemoryBackend:
    """Data stay in the object, so that opening again gives the same store."""

    name = "memory"

    def __init__(self) -> None:
        self._store = MemoryStore()

    async def open(self) -> MemoryStore:
        await self._store.open()
        return self._store


class SqlBackend:
    """Data stay in a database."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self._stores: list[SqlStore] = []

    async def open(self) -> SqlStore:
        store = SqlStore(self.url, clock=SystemClock())
        self._stores.append(store)
        await store.open()
        return store

    async def close(self) -> None:
        for store in self._stores:
            await store.close()


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    """Every place a store can keep its data, empty."""
    if request.param == "memory":
        yield MemoryBackend()
        return
    made = {"sqlite": "sqlite_migrated_url", "postgres": "postgres_store_url"}[request.param]
    url = request.getfixturevalue(made)
    sql = SqlBackend(request.param, url)
    yield sql
    await sql.close()


@pytest.fixture
def sqlite_store_url(tmp_path: Path) -> str:
    """The address of an SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'kairos.db'}"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "kairos.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_migrated_url(_sqlite_template: Path, sqlite_store_url: str) -> str:
    """The address of an SQLite file with our tables, empty."""
    shutil.copy(_sqlite_template, sqlite_store_url.removeprefix("sqlite:///"))
    return sqlite_store_url


@pytest.fixture
def postgres_store_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a fresh database with our tables, empty."""
    template = postgres_server.template("kairos", _migrate)
    name = postgres_server.create_database(template)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


def _migrate(url: str) -> None:
    async def once() -> None:
        store = SqlStore(url, clock=SystemClock())
        await store.open()
        await store.close()

    # In a thread, for the test's own event loop may be about.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, once()).result()


@pytest.fixture
async def store(backend: Backend) -> AsyncIterator[Store]:
    """One open store, empty."""
    opened = await backend.open()
    yield opened
    await opened.close()


def entry(callback: Callback, contact: Contact | None = None) -> NewCallback:
    """An intake of this callback, for Kaisa unless said otherwise."""
    return NewCallback(contact=contact or a_contact(), callback=callback)


def reservation(candidate: Candidate, **changes: Any) -> Change:
    """Reserve the candidate whatever its guards say, as a careless planner would."""
    callback = candidate.callback
    number = candidate.contact.numbers[0].e164
    n = callback.attempts + 1
    attempt = an_attempt(
        id=f"{callback.id}.{n}",
        callback_id=callback.id,
        contact_id=candidate.contact.id,
        n=n,
        number=number,
    )
    leg = a_leg(
        id=f"{callback.id}.{n}.".ljust(32, "0"),
        attempt_id=attempt.id,
        callback_id=callback.id,
        carrier=candidate.carrier,
        target=number,
        state=LegState.RESERVED,
    )
    moved = callback.moved(CallbackState.DIALING, due_at=None, attempts=n)
    change = Change(at=NOW, callback=moved, attempt=attempt, legs=(leg,))
    return replace(change, **changes)


async def one_flight(store: Store, **changes: Any) -> Flight:
    """Add Kaisa's callback and reserve its first attempt."""
    await store.add([entry(a_callback(**changes))])
    demand = Demand(queue="support", carrier="pbx", limit=1)
    [flight] = await store.claim(NOW, [demand], reservation)
    return flight
