"""The quick way in keeps what the careful way would keep, and leaves to it what is not plain."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.sql import SqlStore
from adapters.sql.bulk import plain_of
from adapters.sql.export import export_pages
from adapters.system import SystemClock
from gateway.app.exporting import Export, Wanted
from gateway.domain.change import Added, NewCallback
from gateway.domain.machine import CallbackState
from gateway.domain.model import Step
from tests.support.builders import NOW, a_callback, a_contact
from tests.support.stores import entry, one_flight


@pytest.fixture(params=["sqlite_migrated_url", "postgres_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[SqlStore]:
    opened = SqlStore(request.getfixturevalue(request.param), clock=SystemClock())
    await opened.open()
    yield opened
    await opened.close()


def asked(n: int, number: int, key: str | None = None) -> NewCallback:
    """Return a request as an import makes it."""
    contact = a_contact(f"+35840{number:07d}", "+358501112223", id=f"contact-{n}", name="Jörg")
    callback = a_callback(id=f"callback-{n}", contact_id=contact.id, idempotency_key=key)
    step = Step(callback_id=callback.id, at=NOW, kind="requested", text="x", data={"n": n})
    return replace(entry(callback, contact=contact), steps=(step, step))


async def taken(store: SqlStore, entries: Sequence[NewCallback]) -> list[Added | None]:
    return await store.add_plain([plain_of(one) for one in entries])


async def test_what_comes_in_plainly_is_kept_as_what_comes_in_carefully(store: SqlStore) -> None:
    first, second = asked(1, 1, "a"), asked(2, 2)
    assert await taken(store, [first]) == [Added(callback_id="callback-1")]
    assert await store.add([second]) == [Added(callback_id="callback-2")]
    for one in (first, second):
        found = await store.history(one.callback.id)
        assert found is not None
        assert (found.callback, found.contact, found.steps) == (
            one.callback,
            one.contact,
            one.steps,
        )
    assert [one.step.callback_id for one in await store.journal(after=0)] == [
        *["callback-1"] * 2,
        *["callback-2"] * 2,
    ]


async def test_a_known_key_is_merged_and_a_known_number_goes_the_long_way(store: SqlStore) -> None:
    await taken(store, [asked(1, 1, "a")])
    answers = await taken(
        store, [asked(2, 9, "a"), asked(3, 1), asked(4, 4, "d"), asked(5, 5, "d"), asked(6, 4)]
    )
    assert answers == [
        Added(callback_id="callback-1", merged=True),
        None,
        Added(callback_id="callback-4"),
        None,
        None,
    ]
    assert [one.callback_id for one in await store.add([asked(3, 1), asked(5, 5, "d")])] == [
        "callback-1",
        "callback-4",
    ]
    assert (await store.counts())["SCHEDULED"] == 2


async def test_many_known_contacts_cost_no_look_at_everybody(store: SqlStore) -> None:
    await store.widen()
    await taken(store, [asked(n, n, f"k{n}") for n in range(3000)])
    answers = await taken(store, [asked(n, n, f"k{n}") for n in range(3000)])
    assert all(one is not None and one.merged for one in answers)


async def rows(url: str, wanted: Wanted) -> list[dict[str, object]]:
    return [row async for page in export_pages(url, wanted) for row in page]


@pytest.mark.parametrize("engine", ["sqlite_migrated_url", "postgres_url"])
async def test_an_export_has_every_row_once_in_order(
    engine: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(engine)
    opened = SqlStore(url, clock=SystemClock())
    await opened.open()
    try:
        await one_flight(opened)
        await taken(opened, [asked(n, n) for n in range(10_000, 14_100)])
        found = await rows(url, Wanted(table=Export.CALLBACKS))
        ids = [str(one["id"]) for one in found]
        assert ids == sorted(ids)
        assert len(ids) == 4101
        assert {str(one["contact_id"]) for one in found} == {
            str(one["id"]) for one in await rows(url, Wanted(table=Export.CONTACTS))
        }
        [attempt] = await rows(url, Wanted(table=Export.ATTEMPTS))
        assert attempt["carrier"] == "pbx"
        dialing = Wanted(table=Export.CALLBACKS, states=(CallbackState.DIALING.value,))
        assert [one["id"] for one in await rows(url, dialing)] == [attempt["callback_id"]]
        later = Wanted(table=Export.CALLBACKS, since=NOW + timedelta(days=1))
        assert await rows(url, later) == []
        assert await rows(url, Wanted(table=Export.CALLBACKS, queue="nobody's")) == []
        assert await rows(url, Wanted(table=Export.INTERACTIONS)) == []
    finally:
        await opened.close()
