"""What every store does with submitted changes: order, versions, constraints, refunds."""

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.domain.caps import contact_key, number_key
from gateway.domain.change import Candidate, Change, Demand
from gateway.domain.disposition import Disposition
from gateway.domain.errors import Conflict
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Evidence, Guard, Step
from gateway.domain.reserve import decide
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
    terms,
)
from tests.support.stores import entry, one_flight, reservation

ROOM = Demand(queue="support", carrier="pbx", limit=10)
DIALING = a_callback(state=CallbackState.DIALING, due_at=None, attempts=1)


async def guards_of(store: Store) -> dict[str, Guard]:
    """Read Kaisa's guards as the next claim would see them."""
    await store.add([entry(a_callback(id="probe", queue="probe"))])
    seen: list[Candidate] = []

    def look(candidate: Candidate) -> Change:
        seen.append(candidate)
        return Change(at=NOW)

    await store.claim(after(9_999_999), [replace(ROOM, queue="probe")], look)
    return dict(seen[0].guards)


async def test_changes_are_kept_in_the_order_they_were_submitted(store: Store) -> None:
    flight = await one_flight(store)
    leg = flight.legs[0]
    await store.start_sending([leg.id], NOW)
    receipts = [
        store.submit(
            Change(
                at=after(n),
                legs=(replace(leg, state=LegState.RINGING, channel=f"channel-{n}"),),
                steps=(Step(callback_id="callback-1", at=after(n), kind="news", text=str(n)),),
            )
        )
        for n in range(50)
    ]
    await asyncio.gather(*receipts)
    history = await store.history("callback-1")
    assert history is not None
    assert history.legs[0].channel == "channel-49"
    assert [one.text for one in history.steps] == [str(n) for n in range(50)]


async def test_everything_about_a_leg_is_kept(store: Store) -> None:
    flight = await one_flight(store)
    leg = replace(
        flight.legs[0],
        state=LegState.ENDED,
        sending_at=after(1),
        ringing_at=after(2),
        answered_at=after(3),
        connected_at=after(4),
        ended_at=after(5),
        channel="PJSIP/x-1",
        disposition=Disposition.ANSWERED_HUMAN,
        evidence=Evidence(
            source="cel", cause=16, tech_cause=200, dial_status="ANSWER", reason="ä", amd="HUMAN"
        ),
    )
    attempt = replace(
        flight.attempt,
        closed_at=after(5),
        disposition=Disposition.ANSWERED_HUMAN,
        talk_seconds=1.5,
        placed_at=after(1),
    )
    callback = flight.callback.moved(
        CallbackState.DONE, outcome=Disposition.ANSWERED_HUMAN, answered_late=True, used=1
    )
    await store.submit(Change(at=after(5), callback=callback, attempt=attempt, legs=(leg,)))
    assert await store.flight_of_leg(leg.id) == replace(
        flight, callback=callback, attempt=attempt, legs=(leg,)
    )


@pytest.mark.parametrize("version", [1, 3])
async def test_only_the_next_version_is_kept(store: Store, version: int) -> None:
    await store.add([entry(a_callback())])
    moved = a_callback(version=version, state_reason="mine")
    step = Step(callback_id="callback-1", at=NOW, kind="news", text="")
    with pytest.raises(Conflict):
        await store.submit(Change(at=NOW, callback=moved, steps=(step,)))
    history = await store.history("callback-1")
    assert history is not None
    assert (history.callback, history.steps) == (a_callback(), ())


async def test_versions_may_follow_each_other_at_once(store: Store) -> None:
    await store.add([entry(a_callback())])
    changes = [Change(at=NOW, callback=a_callback(version=n)) for n in (2, 3, 3, 4)]
    results = await asyncio.gather(*map(store.submit, changes), return_exceptions=True)
    assert [type(one) for one in results] == [type(None), type(None), Conflict, type(None)]


async def test_a_change_of_an_unknown_callback_is_refused(store: Store) -> None:
    step = Step(callback_id="nobody", at=NOW, kind="news", text="")
    for change in (
        Change(at=NOW, callback=a_callback(version=2)),
        Change(at=NOW, attempt=an_attempt()),
        Change(at=NOW, legs=(a_leg(),)),
        Change(at=NOW, steps=(step,)),
    ):
        with pytest.raises(Conflict):
            await store.submit(change)


async def test_only_the_culprit_among_many_is_refused(store: Store) -> None:
    flight = await one_flight(store)
    twin = an_attempt(id="attempt-twin", n=2)
    changes = [
        Change(at=NOW, guards=(Guard(key=contact_key("contact-1"), n_day=1, cap_day=3),)),
        Change(at=NOW, attempt=twin, guards=(Guard(key=number_key(NUMBER)),)),
        Change(at=NOW, legs=(replace(flight.legs[0], channel="kept"),)),
        Change(at=NOW, guards=(Guard(key=number_key(NUMBER), n_week=3, cap_week=2),)),
        Change(at=NOW, legs=(a_leg(id="short", state=LegState.RESERVED),)),
    ]
    results = await asyncio.gather(*map(store.submit, changes), return_exceptions=True)
    assert [isinstance(one, Conflict) for one in results] == [False, True, False, True, True]
    [kept] = await store.open_flights()
    assert kept.legs[0].channel == "kept"
    assert set(await guards_of(store)) == {contact_key("contact-1")}


@pytest.mark.parametrize(
    "twin",
    [
        {"contact_id": "contact-2", "number": OTHER_NUMBER, "n": 2},
        {"callback_id": "callback-2", "number": OTHER_NUMBER},
        {"callback_id": "callback-2", "contact_id": "contact-2"},
        {"closed_at": NOW},
    ],
    ids=["callback", "contact", "number", "its place among the attempts"],
)
async def test_two_open_attempts_may_not_share_anything(
    store: Store, twin: dict[str, object]
) -> None:
    await store.add([entry(DIALING)])
    other = a_callback(id="callback-2", contact_id="contact-2", state=CallbackState.DIALING)
    await store.add([entry(other, contact=a_contact(OTHER_NUMBER, id="contact-2"))])
    await store.submit(Change(at=NOW, attempt=an_attempt()))
    with pytest.raises(Conflict):
        await store.submit(Change(at=NOW, attempt=an_attempt(id="attempt-2", **twin)))


async def test_a_closed_attempt_makes_room_for_the_next_at_once(store: Store) -> None:
    await store.add([entry(DIALING)])
    first, second = an_attempt(), an_attempt(id="attempt-2", n=2)
    changes = [
        Change(at=NOW, attempt=first),
        Change(at=NOW, attempt=replace(first, closed_at=NOW)),
        Change(at=NOW, attempt=second),
        Change(at=NOW, attempt=replace(second, closed_at=NOW)),
        Change(at=NOW, attempt=an_attempt(id="attempt-3", n=3)),
    ]
    await asyncio.gather(*map(store.submit, changes))
    [flight] = await store.open_flights()
    assert [one.id for one in (*flight.history, flight.attempt)] == [
        "attempt-1",
        "attempt-2",
        "attempt-3",
    ]


async def test_an_attempt_before_the_closing_of_the_last_is_refused(store: Store) -> None:
    await store.add([entry(DIALING)])
    first = an_attempt()
    changes = [
        Change(at=NOW, attempt=first),
        Change(at=NOW, attempt=an_attempt(id="attempt-2", n=2)),
        Change(at=NOW, attempt=replace(first, closed_at=NOW)),
    ]
    results = await asyncio.gather(*map(store.submit, changes), return_exceptions=True)
    assert [type(one) for one in results] == [type(None), Conflict, type(None)]


async def test_a_leg_beyond_reserved_was_written_ahead(store: Store) -> None:
    await store.add([entry(DIALING)])
    with pytest.raises(Conflict):
        await store.submit(Change(at=NOW, attempt=an_attempt(), legs=(a_leg(sending_at=None),)))
    assert await store.open_flights() == []


async def test_a_scheduled_callback_keeps_a_time(store: Store) -> None:
    await store.add([entry(DIALING)])
    with pytest.raises(Conflict):
        await store.submit(Change(at=NOW, callback=DIALING.moved(CallbackState.SCHEDULED)))


async def test_an_idempotency_key_cannot_be_taken_over(store: Store) -> None:
    await store.add([entry(a_callback(idempotency_key="mine"))])
    await store.add([entry(a_callback(id="callback-2"))])
    with pytest.raises(Conflict):
        await store.submit(
            Change(
                at=NOW,
                callback=a_callback(id="callback-2", version=2, idempotency_key="mine"),
            )
        )


async def test_a_refund_takes_the_reserved_instant_back(store: Store) -> None:
    await store.add([entry(a_callback())])
    [flight] = await store.claim(NOW, [ROOM], lambda one: decide(one, terms()))
    keys = [contact_key("contact-1"), number_key(NUMBER), "contact:unknown"]
    refunds = tuple((key, flight.attempt.reserved_at) for key in keys)
    await store.submit(Change(at=after(1), refunds=refunds))
    await store.submit(Change(at=after(1), refunds=refunds))
    guards = await guards_of(store)
    assert {(one.recent, one.n_day, one.n_week) for one in guards.values()} == {((), 0, 0)}
    assert {one.next_allowed_at for one in guards.values()} == {None}
    assert set(guards) == set(keys[:2])


async def test_refunds_of_one_batch_add_up(store: Store) -> None:
    key = contact_key("contact-1")
    guard = Guard(key=key, recent=(after(-9), after(-5)), n_day=2, cap_day=3, n_week=2, cap_week=7)
    changes = [
        Change(at=NOW, guards=(guard,)),
        Change(at=NOW, refunds=((key, after(-9)),)),
        Change(at=NOW, refunds=((key, after(-5)),)),
    ]
    await asyncio.gather(*map(store.submit, changes))
    assert (await guards_of(store))[key].n_day == 0


async def test_an_invalid_number_is_marked_once_for_its_contact(store: Store) -> None:
    await store.add([entry(DIALING, contact=a_contact(NUMBER, OTHER_NUMBER))])
    other = a_callback(id="callback-2", contact_id="contact-2")
    await store.add([entry(other, contact=a_contact(OTHER_NUMBER, NUMBER, id="contact-2"))])
    await store.submit(
        Change(at=NOW, attempt=an_attempt(), legs=(a_leg(),), invalid_numbers=(NUMBER, "+1"))
    )
    await store.submit(Change(at=after(5), legs=(a_leg(),), invalid_numbers=(NUMBER,)))
    await store.submit(
        Change(at=after(6), callback=DIALING.moved(DIALING.state), invalid_numbers=(OTHER_NUMBER,))
    )
    [(_, second), (_, first)] = await store.callbacks()
    assert [one.invalid_since for one in first.numbers] == [NOW, after(6)]
    assert [one.invalid_since for one in second.numbers] == [None, None]


async def test_a_failure_that_nobody_awaits_is_logged_without_personal_data(
    store: Store,
) -> None:
    with capture_logs() as logs:
        store.submit(Change(at=NOW, callback=a_callback(version=7)))  # type: ignore[unused-awaitable]
        await store.close()
    [line] = [one for one in logs if one["event"] == "store.change_lost"]
    assert line["log_level"] == "error"
    assert NUMBER not in str(line)


async def test_a_failure_that_is_awaited_is_not_logged(store: Store) -> None:
    with capture_logs() as logs:
        receipt = store.submit(Change(at=NOW, callback=a_callback(version=7)))
        await store.counts()
        with pytest.raises(Conflict):
            await receipt
        await store.close()
    assert not [one for one in logs if one["event"] == "store.change_lost"]


async def test_a_waiter_who_gives_up_does_not_stop_the_change(store: Store) -> None:
    await store.add([entry(a_callback())])

    async def wait() -> None:
        await store.submit(Change(at=NOW, callback=a_callback(version=2)))

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    await store.submit(Change(at=NOW, callback=a_callback(version=3)))


async def test_a_reservation_keeps_its_steps(store: Store) -> None:
    await store.add([entry(a_callback())])
    step = Step(
        callback_id="callback-1", at=NOW, kind="reserved", text="t", attempt_id="a", leg_id="b"
    )
    await store.claim(NOW, [ROOM], lambda one: reservation(one, steps=(step,)))
    history = await store.history("callback-1")
    assert history is not None
    assert history.steps == (step,)
