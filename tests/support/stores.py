"""Stores to test against: the same suite over memory, SQLite and PostgreSQL.

A pytest plugin. ``backend`` stands for a place where data stays: it opens stores over it, as
often as a test wants. ``store`` is one open store.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Protocol

import pytest

from adapters.memory import MemoryStore
from gateway.domain.change import Candidate, Change, Demand, NewCallback
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Callback, Contact, Flight
from gateway.ports import Store
from tests.support.builders import NOW, a_callback, a_contact, a_leg, an_attempt


class Backend(Protocol):
    """A place where a store keeps its data."""

    name: str

    async def open(self) -> Store:
        """Open a store over the data; closed at the end of the test if not before."""
        ...


class MemoryBackend:
    """Data stay in the object, so that opening again gives the same store."""

    name = "memory"

    def __init__(self) -> None:
        self._store = MemoryStore()

    async def open(self) -> Store:
        await self._store.open()
        return self._store


@pytest.fixture
def backend() -> Backend:
    """Every place a store can keep its data, empty."""
    return MemoryBackend()


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
