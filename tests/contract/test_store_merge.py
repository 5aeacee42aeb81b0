"""What every store does with a request of somebody who is to be called back already."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.domain.change import Added, Change, NewCallback
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact, Step
from gateway.ports import Store
from tests.support.builders import NOW, NUMBER, OTHER_NUMBER, a_callback, a_contact, after
from tests.support.stores import entry, one_flight

AGAIN = a_callback(id="callback-2", source="web", requested_at=after(-5), idempotency_key="again")


async def steps_of(store: Store, callback_id: str) -> list[Step]:
    history = await store.history(callback_id)
    assert history is not None
    return list(history.steps)


@pytest.mark.parametrize("together", [False, True], ids=["later", "in one call"])
async def test_who_asks_again_is_merged_into_the_open_callback(
    store: Store, together: bool
) -> None:
    stranger = a_contact(id="contact-2")
    planned = Step(callback_id=AGAIN.id, at=after(1), kind="planned", text="never kept")
    entries = [
        entry(a_callback()),
        NewCallback(contact=stranger, callback=AGAIN, steps=(planned,)),
    ]
    calls = [entries] if together else [[one] for one in entries]
    added = [one for call in calls for one in await store.add(call)]
    assert added == [Added(callback_id="callback-1"), Added(callback_id="callback-1", merged=True)]
    [(callback, _)] = await store.callbacks()
    assert callback == a_callback()
    [step] = await steps_of(store, "callback-1")
    assert (step.kind, step.text, step.at) == ("merged", "asked again (web)", after(1))
    assert step.data["source"] == "web"


async def test_a_request_is_merged_while_the_contact_is_being_called(store: Store) -> None:
    await one_flight(store)
    assert await store.add([entry(AGAIN)]) == [Added(callback_id="callback-1", merged=True)]


@pytest.mark.parametrize("together", [False, True], ids=["later", "in one call"])
async def test_the_key_of_a_merged_request_is_known_from_then_on(
    store: Store, together: bool
) -> None:
    if together:
        await store.add([entry(a_callback()), entry(AGAIN), entry(AGAIN)])
    else:
        for one in (a_callback(), AGAIN, AGAIN):
            await store.add([entry(one)])
    assert [one.kind for one in await steps_of(store, "callback-1")] == ["merged"]
    await store.request_cancel("callback-1", "enough", NOW)
    again = await store.add([entry(replace(AGAIN, id="callback-3"))])
    assert again == [Added(callback_id="callback-1", merged=True)]
    assert len(await store.callbacks()) == 1


async def _close(store: Store) -> None:
    await store.request_cancel("callback-1", "enough", NOW)


async def _mark(store: Store) -> None:
    marked = a_callback(cancel_requested=True, state=CallbackState.DIALING, due_at=None, version=2)
    await store.submit(Change(at=NOW, callback=marked))


async def _reach(store: Store) -> None:
    marked = a_callback(answered_late=True, state=CallbackState.DIALING, due_at=None, version=2)
    await store.submit(Change(at=NOW, callback=marked))


async def _nothing(store: Store) -> None:
    """Leave it as it is."""


@pytest.mark.parametrize(
    ("before", "callback", "contact"),
    [
        (_close, AGAIN, a_contact()),
        (_mark, AGAIN, a_contact()),
        (_reach, AGAIN, a_contact()),
        (_nothing, replace(AGAIN, queue="sales"), a_contact()),
        (_nothing, AGAIN, a_contact(OTHER_NUMBER, NUMBER, id="contact-2")),
        (_nothing, replace(AGAIN, requested_at=a_callback().deadline), a_contact()),
        (
            _nothing,
            replace(AGAIN, deadline=AGAIN.requested_at + 3 * (a_callback().deadline - NOW)),
            a_contact(),
        ),
        (
            _nothing,
            replace(AGAIN, state=CallbackState.BLOCKED, due_at=None, closed_at=NOW),
            a_contact(),
        ),
    ],
    ids=[
        "closed",
        "to be canceled",
        "reached",
        "queue",
        "contact",
        "deadline",
        "no time",
        "closed at once",
    ],
)
async def test_a_request_that_no_open_callback_would_serve_is_one_of_its_own(
    store: Store,
    before: Callable[[Store], object],
    callback: Callback,
    contact: Contact,
) -> None:
    await store.add([entry(a_callback())])
    await before(store)  # type: ignore[misc]
    added = await store.add([entry(replace(callback, contact_id=contact.id), contact=contact)])
    assert added == [Added(callback_id="callback-2")]
    history = await store.history("callback-2")
    assert history is not None
    assert history.callback == replace(callback, contact_id=contact.id)


async def test_what_was_closed_at_once_serves_nobody(store: Store) -> None:
    closed = a_callback(state=CallbackState.BLOCKED, due_at=None, closed_at=NOW)
    added = await store.add([entry(closed), entry(AGAIN)])
    assert [one.merged for one in added] == [False, False]


async def test_the_details_of_who_asks_again_are_kept(store: Store) -> None:
    await store.add([entry(a_callback())])
    await store.add([entry(AGAIN, contact=a_contact(name="Kaisa K."))])
    [(_, contact)] = await store.callbacks()
    assert contact.name == "Kaisa K."


async def test_of_several_open_callbacks_the_one_with_the_latest_deadline_serves(
    store: Store,
) -> None:
    """Older data may have two open callbacks of a contact in a queue: the later deadline serves."""
    short = a_callback(id="callback-0", deadline=after(-100), requested_at=after(-600))
    await store.add([entry(short)])
    await store.add([entry(a_callback(requested_at=after(-50)))])
    assert len(await store.callbacks()) == 2
    assert await store.add([entry(AGAIN)]) == [Added(callback_id="callback-1", merged=True)]
