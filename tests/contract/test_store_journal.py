"""What every store tells of its journal as a whole."""

import asyncio
from dataclasses import replace

from gateway.domain.change import Change
from gateway.domain.machine import CallbackEvent
from gateway.domain.model import Step
from gateway.domain.records import JournalEntry
from gateway.domain.reserve import close_callback
from gateway.ports import Store
from tests.support.builders import NOW, a_callback, after
from tests.support.stores import entry, one_flight


def a_step(n: int, callback_id: str = "callback-1") -> Step:
    return Step(
        callback_id=callback_id,
        at=after(n),
        kind="noted",
        text=f"note {n}",
        attempt_id="attempt-1",
        leg_id="leg-1",
        data={"n": n},
    )


async def test_the_journal_is_read_in_order_from_any_place(store: Store) -> None:
    assert await store.journal(after=0) == []
    assert await store.journal_end() == 0
    await store.add([entry(a_callback()), entry(a_callback(id="callback-2", queue="sales"))])
    steps = [a_step(n, f"callback-{n % 2 + 1}") for n in range(5)]
    for step in steps:
        await store.submit(Change(at=NOW, steps=(step,)))
    entries = await store.journal(after=0)
    assert [one.step for one in entries] == steps
    assert entries[1] == JournalEntry(
        id=entries[1].id, step=steps[1], queue="sales", contact_id="contact-1"
    )
    places = [one.id for one in entries]
    assert places == sorted(set(places))
    assert await store.journal_end() == places[-1]
    assert await store.journal(after=places[1], limit=2) == entries[2:4]
    assert await store.journal(after=places[-1]) == []


async def test_every_kind_of_write_that_adds_to_the_journal_is_told_of(store: Store) -> None:
    told: list[int] = []
    store.on_journal = lambda: told.append(1)
    await store.add([entry(a_callback(id="callback-0", queue="sales"))])
    assert told == []
    intake = replace(entry(a_callback()), steps=(a_step(0),))
    await store.add([intake])
    await store.submit(Change(at=NOW, steps=(a_step(1),)))
    await store.submit(Change(at=NOW, callback=a_callback(version=2)))
    await store.request_cancel("callback-1", "enough", NOW)
    await store.amend(
        "callback-0",
        lambda view: close_callback(view.callback, CallbackEvent.CANCEL, "enough", NOW),
    )
    await asyncio.sleep(0)
    assert len(told) == 4


async def test_a_claim_and_a_merge_are_told_of_too(store: Store) -> None:
    told: list[int] = []
    store.on_journal = lambda: told.append(1)
    await one_flight(store)
    assert told == []  # the careless planner leaves no step
    await store.add([entry(a_callback(id="callback-2"))])
    await asyncio.sleep(0)
    assert len(told) == 1
    assert [one.step.kind for one in await store.journal(after=0)] == ["merged"]


async def test_what_is_told_of_can_be_read(store: Store) -> None:
    ends: list[asyncio.Task[int]] = []
    store.on_journal = lambda: ends.append(asyncio.ensure_future(store.journal_end()))
    await store.add([entry(a_callback())])
    await store.submit(Change(at=NOW, steps=(a_step(1), a_step(2))))
    await asyncio.sleep(0)
    assert await asyncio.gather(*ends) == [await store.journal_end()]


async def test_a_listener_that_fails_harms_no_write(store: Store) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    store.on_journal = fail
    await store.add([replace(entry(a_callback()), steps=(a_step(0),))])
    await store.submit(Change(at=NOW, steps=(a_step(1),)))
    assert len(await store.journal(after=0)) == 2
