"""What every store does: intake, identity, reading back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.change import Added, Change, NewCallback
from gateway.domain.errors import BadInput, Conflict, StoreUnavailable
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Contact, Number, PreferredWindow, Role, Step
from gateway.ports import Store
from tests.support.builders import (
    NOW,
    NUMBER,
    OTHER_NUMBER,
    a_callback,
    a_contact,
    a_leg,
    a_plan,
    after,
    an_attempt,
)
from tests.support.stores import Backend, entry, one_flight

RICH = a_callback(
    id="callback-rich",
    reason="broken boiler",
    preferred=(PreferredWindow(weekdays=frozenset({0, 4}), start_minute=540, end_minute=720),),
    plan=a_plan(probability=0.25, value=1.5, reasons=("usually at home", "asked for it")),
    worth=3.5,
    source="web",
    idempotency_key="key-1",
)


async def test_what_was_added_is_read_back_as_it_was(store: Store) -> None:
    contact = a_contact(
        NUMBER, OTHER_NUMBER, name="Käisa", subdivision="18", language="fi", industry="trade"
    )
    step = Step(callback_id=RICH.id, at=NOW, kind="planned", text="…", data={"rank": [1, 2.5]})
    await store.add([NewCallback(contact=contact, callback=RICH, steps=(step,))])
    history = await store.history(RICH.id)
    assert history is not None
    assert (history.contact, history.callback, history.steps) == (contact, RICH, (step,))
    assert (history.attempts, history.legs) == ((), ())


async def test_a_known_idempotency_key_is_merged_and_changes_nothing(store: Store) -> None:
    await store.add([entry(RICH)])
    again = replace(RICH, id="callback-again", reason="another")
    step = Step(callback_id="callback-again", at=NOW, kind="planned", text="")
    added = await store.add([NewCallback(contact=a_contact(), callback=again, steps=(step,))])
    assert list(added) == [Added(callback_id=RICH.id, merged=True)]
    assert await store.history("callback-again") is None


async def test_the_same_idempotency_key_twice_in_one_call_is_merged(store: Store) -> None:
    added = await store.add([entry(RICH), entry(replace(RICH, id="callback-again"))])
    assert [one.merged for one in added] == [False, True]
    assert {one.callback_id for one in added} == {RICH.id}


async def test_a_contact_whose_id_is_known_is_updated(store: Store) -> None:
    await store.add([entry(a_callback())])
    moved = a_contact(OTHER_NUMBER, name="Kaisa K.", zone="Europe/Paris")
    await store.add([entry(a_callback(id="callback-2"), contact=moved)])
    history = await store.history("callback-1")
    assert history is not None
    assert history.contact == moved


async def test_a_contact_with_a_known_first_number_is_reused(store: Store) -> None:
    await store.add([entry(a_callback())])
    stranger = a_contact(NUMBER, OTHER_NUMBER, id="contact-2", name="K.")
    await store.add([entry(a_callback(id="callback-2", queue="sales"), contact=stranger)])
    history = await store.history("callback-2")
    assert history is not None
    assert history.contact == a_contact()
    assert history.callback.contact_id == "contact-1"


async def test_a_first_number_is_reused_within_one_call_too(store: Store) -> None:
    stranger = a_contact(id="contact-2")
    other = a_callback(id="callback-2", queue="sales")
    await store.add([entry(a_callback()), entry(other, contact=stranger)])
    history = await store.history("callback-2")
    assert history is not None
    assert history.contact.id == "contact-1"


async def test_a_second_number_does_not_make_two_people_one(store: Store) -> None:
    await store.add([entry(a_callback(), contact=a_contact(OTHER_NUMBER, NUMBER))])
    await store.add([entry(a_callback(id="callback-2"), contact=a_contact(id="contact-2"))])
    history = await store.history("callback-2")
    assert history is not None
    assert history.contact.id == "contact-2"


async def test_a_callback_id_is_taken_once_and_the_whole_call_fails(store: Store) -> None:
    await store.add([entry(a_callback())])
    with pytest.raises(Conflict):
        await store.add([entry(a_callback(id="callback-0", queue="sales")), entry(a_callback())])
    assert await store.history("callback-0") is None
    assert (await store.counts())["SCHEDULED"] == 1


async def test_a_scheduled_callback_has_a_time(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.add([entry(a_callback(due_at=None))])


async def test_a_callback_may_be_closed_at_once(store: Store) -> None:
    closed = a_callback(state=CallbackState.BLOCKED, due_at=None, plan=None, closed_at=NOW)
    await store.add([entry(closed)])
    assert await store.counts() == {
        "SCHEDULED": 0,
        "DIALING": 0,
        "DONE": 0,
        "EXHAUSTED": 0,
        "EXPIRED": 0,
        "CANCELED": 0,
        "BLOCKED": 1,
    }
    assert await store.next_due(["support"]) is None


async def test_a_thousand_at_once_are_added_in_order(store: Store) -> None:
    entries = [
        entry(
            a_callback(id=f"callback-{n:04}", idempotency_key=f"key-{n}"),
            contact=a_contact(f"+35840{n:07}", id=f"contact-{n}"),
        )
        for n in range(1_000)
    ]
    added = await store.add(entries)
    assert [one.callback_id for one in added] == [one.callback.id for one in entries]
    assert (await store.counts())["SCHEDULED"] == 1_000


async def test_a_unique_prefix_of_an_id_finds_the_history(store: Store) -> None:
    await store.add(
        [entry(a_callback(id=one, queue=one)) for one in ("ab1", "ab12", "ab2_", "cd%")]
    )
    found = [await store.history(one) for one in ("ab1", "ab12", "ab2", "c", "cd%")]
    ids = [one.callback.id if one else None for one in found]
    assert ids == ["ab1", "ab12", "ab2_", "cd%", "cd%"]
    assert await store.history("ab2%") is None
    assert await store.history("x") is None


async def test_an_ambiguous_prefix_is_bad_input(store: Store) -> None:
    await store.add([entry(a_callback(id=one, queue=one)) for one in ("ab1", "ab2")])
    with pytest.raises(BadInput, match="give more of its id"):
        await store.history("ab")


async def test_callbacks_are_listed_newest_first_page_by_page(store: Store) -> None:
    names = [f"callback-{n}" for n in range(5)]
    await store.add([entry(a_callback(id=one, queue=one)) for one in names])
    first = await store.callbacks(limit=2)
    second = await store.callbacks(limit=9, after=first[-1][0].id)
    assert [one.id for one, _ in [*first, *second]] == names[::-1]
    assert {contact for _, contact in first} == {a_contact()}


async def test_callbacks_are_filtered_by_state_and_queue(store: Store) -> None:
    await store.add(
        [
            entry(a_callback(id="one")),
            entry(a_callback(id="two", queue="sales")),
            entry(a_callback(id="three", state=CallbackState.BLOCKED, due_at=None)),
        ]
    )
    in_sales = await store.callbacks(queue="sales")
    blocked = await store.callbacks(states=[CallbackState.BLOCKED, CallbackState.DONE])
    assert [one.id for one, _ in in_sales] == ["two"]
    assert [one.id for one, _ in blocked] == ["three"]


async def test_overdue_are_scheduled_callbacks_past_their_deadline_oldest_first(
    store: Store,
) -> None:
    for n, (due, deadline) in enumerate([(-5, -1), (-9, -1), (-9, 60), (5, 60)]):
        number = f"{NUMBER[:-1]}{n}"
        callback = a_callback(
            id=f"late-{n}",
            contact_id=f"late-{n}",
            due_at=after(due),
            deadline=after(deadline),
            plan=a_plan(number=number),
        )
        await store.add([entry(callback, contact=a_contact(number, id=f"late-{n}"))])
    assert [one.id for one in await store.overdue(NOW)] == ["late-1", "late-0"]
    assert [one.id for one in await store.overdue(NOW, limit=1)] == ["late-1"]


async def test_the_next_due_time_is_the_earliest_of_the_queues(store: Store) -> None:
    await store.add(
        [
            entry(a_callback(id="one", due_at=after(50))),
            entry(a_callback(id="two", due_at=after(40), queue="sales")),
            entry(a_callback(id="three", due_at=after(30), queue="other")),
        ]
    )
    assert await store.next_due(["support", "sales"]) == after(40)
    assert await store.next_due(["nobody"]) is None
    assert await store.next_due([]) is None


async def test_a_flight_is_found_by_its_leg_open_or_closed(store: Store) -> None:
    flight = await one_flight(store)
    assert await store.flight_of_leg(flight.legs[0].id) == flight
    assert await store.open_flights() == [flight]
    closed = replace(flight.attempt, closed_at=after(9))
    done = flight.callback.moved(CallbackState.DONE, closed_at=after(9))
    ended = replace(flight.legs[0], state=LegState.RELEASED, ended_at=after(9))
    await store.submit(Change(at=after(9), callback=done, attempt=closed, legs=(ended,)))
    found = await store.flight_of_leg(ended.id)
    assert found == replace(flight, callback=done, attempt=closed, legs=(ended,))
    assert await store.open_flights() == []
    assert await store.flight_of_leg("unknown".ljust(32, "0")) is None


async def test_open_flights_are_told_apart_by_node(store: Store) -> None:
    flight = await one_flight(store)
    assert await store.open_flights("node-1") == [flight]
    assert await store.open_flights("node-2") == []


async def test_a_flight_knows_the_attempts_before_it(store: Store) -> None:
    await store.add([entry(a_callback(state=CallbackState.DIALING, due_at=None))])
    first = an_attempt(closed_at=after(1))
    second = an_attempt(id="attempt-2", n=2, reserved_at=after(2))
    legs = (
        a_leg(attempt_id="attempt-2", role=Role.AGENT),
        a_leg(attempt_id="attempt-2", n=2, channel="PJSIP/x"),
    )
    await store.submit(Change(at=NOW, attempt=first, legs=(a_leg(),)))
    await store.submit(Change(at=NOW, attempt=second, legs=legs))
    [flight] = await store.open_flights()
    assert (flight.attempt, flight.legs, flight.history) == (second, legs, (first,))
    history = await store.history("callback-1")
    assert history is not None
    assert (history.attempts, history.legs) == ((first, second), (a_leg(), *legs))


async def test_times_come_back_aware_and_exact_whatever_zone_they_came_in(store: Store) -> None:
    exact = NOW + timedelta(microseconds=1)
    helsinki = exact.astimezone(tz=None)
    await store.add([entry(a_callback(due_at=helsinki))])
    due = await store.next_due(["support"])
    assert due == exact
    assert due.utcoffset() == timedelta(0)


async def test_what_was_kept_is_there_after_opening_again(backend: Backend) -> None:
    store = await backend.open()
    flight = await one_flight(store)
    receipt = store.submit(Change(at=NOW, legs=(replace(flight.legs[0], channel="late"),)))
    await store.close()
    await receipt
    again = await backend.open()
    found = await again.flight_of_leg(flight.legs[0].id)
    assert found is not None
    assert found.legs[0].channel == "late"
    await again.close()


async def test_a_closed_store_is_unavailable_and_closing_twice_is_harmless(
    backend: Backend,
) -> None:
    store = await backend.open()
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.counts()
    with pytest.raises(StoreUnavailable):
        await store.add([entry(a_callback())])
    with pytest.raises(StoreUnavailable):
        await store.submit(Change(at=NOW))


async def test_a_contact_without_numbers_is_kept(store: Store) -> None:
    contact = Contact(id="contact-1", numbers=())
    await store.add([entry(a_callback(), contact=contact)])
    await store.add([entry(a_callback(id="callback-2", queue="sales"), contact=contact)])
    [(_, kept), _] = await store.callbacks()
    assert kept == contact


async def test_an_invalid_mark_of_a_number_is_kept(store: Store) -> None:
    numbers = (Number(e164=NUMBER, invalid_since=after(-5)), Number(e164=OTHER_NUMBER))
    await store.add([entry(a_callback(), contact=a_contact(numbers=numbers))])
    [(_, kept)] = await store.callbacks()
    assert kept.numbers == numbers
