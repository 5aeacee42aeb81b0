"""What every store lists, whatever is asked for at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback
from gateway.ports import Store
from tests.support.builders import NOW, NUMBER, OTHER_NUMBER, a_callback, a_contact, after
from tests.support.stores import entry


def hours(n: int) -> datetime:
    """Return the moment at which the n-th callback in time was requested."""
    return NOW + timedelta(hours=7 * n)


PEOPLE = {
    "contact-1": a_contact(NUMBER),
    "contact-2": a_contact(OTHER_NUMBER, NUMBER, id="contact-2"),
    "contact-3": a_contact("+3581", id="contact-3"),
}
_OVER = {CallbackState.DONE, CallbackState.BLOCKED}


def _callbacks() -> list[Callback]:
    """Every mixture of state, queue and person, in no order of time."""
    states = (*_OVER, CallbackState.SCHEDULED)
    mixtures = list(product(sorted(states), ("support", "sales"), PEOPLE))
    return [
        a_callback(
            id=f"callback-{n:02}",
            contact_id=who,
            queue=queue,
            state=state,
            requested_at=hours(n * 7 % len(mixtures)),
            deadline=hours(99),
            due_at=None if state in _OVER else after(99),
        )
        for n, (state, queue, who) in enumerate(mixtures)
    ]


CALLBACKS = _callbacks()
BEFORE_ALL, AFTER_ALL = hours(-9), hours(999)
ASKED: list[dict[str, Any]] = [
    {},
    {"states": [CallbackState.DONE]},
    {"states": [CallbackState.DONE, CallbackState.SCHEDULED, CallbackState.DONE]},
    {"states": [CallbackState.EXPIRED]},
    {"queue": "support"},
    {"queue": "nowhere"},
    {"contact_id": "contact-2"},
    {"contact_id": "nobody"},
    {"number": NUMBER},
    {"number": "+9"},
    {"since": hours(5)},
    {"until": hours(5)},
    {"since": hours(3), "until": hours(12)},
    {"since": hours(3), "until": hours(3)},
    {"states": list(_OVER), "queue": "sales"},
    {"contact_id": "contact-1", "number": NUMBER, "states": [CallbackState.DONE]},
    {"contact_id": "contact-3", "number": NUMBER},
    {"number": NUMBER, "queue": "sales", "since": hours(4)},
    {"states": [CallbackState.BLOCKED], "queue": "support", "until": hours(9)},
    {"queue": "sales", "since": hours(2), "until": hours(15)},
]


def expected(
    *,
    states: Sequence[CallbackState] = tuple(CallbackState),
    queue: str | None = None,
    contact_id: str | None = None,
    number: str | None = None,
    since: datetime = BEFORE_ALL,
    until: datetime = AFTER_ALL,
) -> list[str]:
    """Say the same as the port, one callback after another."""
    return [
        one.id
        for one in reversed(CALLBACKS)
        if one.state in states
        and queue in {None, one.queue}
        and contact_id in {None, one.contact_id}
        and (number is None or number in {its.e164 for its in PEOPLE[one.contact_id].numbers})
        and since <= one.requested_at < until
    ]


@pytest.fixture
async def full(store: Store) -> Store:
    await store.add([entry(one, contact=PEOPLE[one.contact_id]) for one in CALLBACKS])
    return store


async def test_every_filter_and_mixture_of_filters_lists_what_it_names(full: Store) -> None:
    for asked in ASKED:
        found = await full.callbacks(**asked)
        assert [one.id for one, _ in found] == expected(**asked), asked
        assert all(who == PEOPLE[one.contact_id] for one, who in found)


async def test_page_by_page_everything_comes_once(full: Store) -> None:
    for asked in ASKED:
        pages: list[str] = []
        while page := await full.callbacks(**asked, limit=2, after=pages[-1] if pages else ""):
            assert len(page) <= 2
            pages += [one.id for one, _ in page]
        assert pages == expected(**asked), asked


async def test_spans_of_time_are_listed_alike_whether_few_or_many_are_in_a_queue(
    full: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.sql.lists._FEW", 3)
    for asked in ASKED:
        found = await full.callbacks(**asked, limit=4)
        assert [one.id for one, _ in found] == expected(**asked)[:4], asked


async def test_a_page_of_nothing_is_empty(full: Store) -> None:
    assert await full.callbacks(limit=0) == []
    assert await full.callbacks(limit=-1) == []
