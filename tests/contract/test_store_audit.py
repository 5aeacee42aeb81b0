"""What every store's audit sees, in rows that no code of ours would write."""

from dataclasses import replace
from typing import Protocol

import pytest
from sqlalchemy import Connection, create_engine, insert, text
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.memory import MemoryStore
from adapters.sql.mapping import Values, prepare
from adapters.sql.tables import ATTEMPT, CALLBACK, LEG
from gateway.domain.change import Change
from gateway.domain.disposition import Disposition
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Attempt, Callback, Leg, Role
from gateway.ports import Store
from tests.support.builders import (
    NOW,
    NUMBER,
    OTHER_NUMBER,
    a_callback,
    a_contact,
    a_leg,
    after,
    an_attempt,
)
from tests.support.stores import Backend, SqlBackend, entry, one_flight

DIALING = a_callback(state=CallbackState.DIALING, due_at=None, attempts=1)
DONE = Disposition.NO_ANSWER


class Plant(Protocol):
    """Puts rows into a store past every rule; a callback replaces one of its id."""

    async def __call__(
        self, *attempts: Attempt, legs: tuple[Leg, ...] = (), callback: Callback | None = None
    ) -> None: ...


@pytest.fixture
async def plant(backend: Backend, store: Store) -> Plant:
    """Break the rules of the store that is open: its constraints are taken away first."""
    await store.add([entry(DIALING)])
    other = a_callback(id="callback-2", contact_id="contact-2", due_at=after(9_999_999))
    await store.add([entry(other, contact=a_contact(OTHER_NUMBER, id="contact-2"))])

    async def into_memory(
        *attempts: Attempt, legs: tuple[Leg, ...] = (), callback: Callback | None = None
    ) -> None:
        assert isinstance(store, MemoryStore)
        for attempt in attempts:
            store.rows.put_attempt(attempt)
        for leg in legs:
            store.rows.put_leg(leg)
        if callback:
            store.rows.put_callback(callback)

    async def into_database(
        *attempts: Attempt, legs: tuple[Leg, ...] = (), callback: Callback | None = None
    ) -> None:
        assert isinstance(backend, SqlBackend)
        rows = prepare(Change(at=NOW, legs=legs))
        planted = [prepare(Change(at=NOW, attempt=one)).attempt for one in attempts]
        changed = prepare(Change(at=NOW, callback=callback)).callback if callback else None
        await _write(backend, [one for one in planted if one], list(rows.legs), changed)

    return into_memory if backend.name == "memory" else into_database


async def _write(
    backend: SqlBackend, attempts: list[Values], legs: list[Values], callback: Values | None
) -> None:
    def write(connection: Connection) -> None:
        _without_rules(connection)
        if attempts:
            connection.execute(insert(ATTEMPT), attempts)
        if legs:
            connection.execute(insert(LEG), legs)
        if callback:
            where = CALLBACK.c.id == callback["id"]
            connection.execute(CALLBACK.update().where(where).values(callback))

    if backend.name == "sqlite":
        plain = create_engine(backend.url)
        with plain.begin() as connection:
            write(connection)
        plain.dispose()
    else:
        engine = create_async_engine(backend.url)
        async with engine.begin() as wrapped:
            await wrapped.run_sync(write)
        await engine.dispose()


def _without_rules(connection: Connection) -> None:
    for index in ("callback", "contact", "number"):
        connection.execute(text(f"DROP INDEX attempt_open_{index}"))
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        return
    for table, name in (
        ("leg", "written_ahead"),
        ("leg", "sent_once"),
        ("callback", "scheduled_has_time"),
    ):
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}"))


async def seen(store: Store, seconds: float = 1.0) -> list[tuple[str, str]]:
    """Return invariant and subject of every violation; no text may hold a number."""
    found = await store.audit(after(seconds))
    assert not [one for one in found if NUMBER in one.text + one.subject]
    assert not [one for one in found if len(one.text) < len(one.subject) + 10]
    return [(one.invariant, one.subject) for one in found]


async def test_nothing_is_wrong_with_what_the_store_itself_writes(store: Store) -> None:
    flight = await one_flight(store)
    assert await store.audit(NOW) == []
    await store.start_sending([flight.legs[0].id], NOW)
    assert await store.audit(after(100)) == []


async def test_i1_a_leg_that_was_never_written_ahead(store: Store, plant: Plant) -> None:
    unsent = a_leg(state=LegState.RINGING, sending_at=None)
    await plant(an_attempt(), legs=(unsent,))
    assert await seen(store) == [("I1", unsent.id)]


async def test_i2_two_open_attempts_for_the_same_thing(store: Store, plant: Plant) -> None:
    second = an_attempt(id="attempt-2", callback_id="callback-2")
    await plant(
        an_attempt(),
        second,
        legs=(a_leg(), a_leg(n=2, attempt_id="attempt-2", callback_id="callback-2")),
        callback=replace(DIALING, id="callback-2", contact_id="contact-2"),
    )
    assert await seen(store) == [("I2", "contact-1"), ("I2", "…67")]


async def test_i3_an_attempt_before_the_last_was_closed(store: Store, plant: Plant) -> None:
    second = an_attempt(id="attempt-2", n=2)
    await plant(an_attempt(), second, legs=(a_leg(),))
    assert ("I3", "attempt-1") in await seen(store)


async def test_i3_a_gap_in_the_numbering(store: Store, plant: Plant) -> None:
    await plant(an_attempt(n=2), legs=(a_leg(),))
    assert await seen(store) == [("I3", "callback-1")]


@pytest.mark.parametrize(
    ("disposition", "gap", "found"),
    [
        (Disposition.NO_ANSWER, 3_599, [("I4", "attempt-2")]),
        (Disposition.NO_ANSWER, 3_600, []),
        (Disposition.FAILED, 1, []),
        (None, 1, []),
    ],
    ids=["too early", "just right", "nobody was reached", "never left the house"],
)
async def test_i4_the_gap_between_two_calls_to_a_contact(
    store: Store,
    plant: Plant,
    disposition: Disposition | None,
    gap: float,
    found: list[tuple[str, str]],
) -> None:
    await plant(
        an_attempt(placed_at=NOW, closed_at=after(1), disposition=disposition, min_gap=0.0),
        an_attempt(id="attempt-2", n=2, placed_at=after(gap), min_gap=3_600.0),
        legs=(a_leg(attempt_id="attempt-2"),),
    )
    assert await seen(store) == found


async def test_i4_counts_the_calls_of_all_callbacks_of_a_contact(
    store: Store, plant: Plant
) -> None:
    await plant(
        an_attempt(placed_at=NOW, closed_at=after(1), disposition=DONE),
        an_attempt(
            id="attempt-2",
            callback_id="callback-2",
            placed_at=after(5),
            closed_at=after(9),
            disposition=DONE,
        ),
        callback=DIALING.moved(CallbackState.DONE),
    )
    [violation] = await store.audit(NOW)
    assert (violation.invariant, violation.subject) == ("I4", "attempt-2")
    assert violation.text == (
        "attempt attempt-2 came 5 s after attempt-1, at least 14400 s are due"
    )


async def test_i5_a_dialing_callback_that_nobody_dials(store: Store, plant: Plant) -> None:
    assert await seen(store) == [("I5", "callback-1")]


async def test_i5_an_open_attempt_without_a_leg_to_be_resolved(store: Store, plant: Plant) -> None:
    await plant(an_attempt())
    assert await seen(store) == [("I5", "callback-1")]


@pytest.mark.parametrize("state", [CallbackState.DONE, CallbackState.SCHEDULED])
async def test_i5_an_open_attempt_of_a_callback_that_is_not_dialing(
    store: Store, plant: Plant, state: CallbackState
) -> None:
    callback = DIALING.moved(state, due_at=NOW)
    await plant(an_attempt(), legs=(a_leg(role=Role.AGENT),), callback=callback)
    assert await seen(store) == [("I5", "callback-1")]


async def test_i5_a_scheduled_callback_without_a_time(store: Store, plant: Plant) -> None:
    await plant(callback=DIALING.moved(CallbackState.SCHEDULED))
    assert await seen(store) == [("I5", "callback-1")]


async def test_i6_an_attempt_that_nobody_resolved(store: Store, plant: Plant) -> None:
    await plant(an_attempt(), legs=(a_leg(), a_leg(n=2, resolve_by=after(200))))
    assert await seen(store, 260) == []
    assert await seen(store, 260.1) == [("I6", "attempt-1")]
