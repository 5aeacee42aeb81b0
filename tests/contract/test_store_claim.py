"""What every store does when callbacks are claimed, and when legs are written ahead."""

from dataclasses import replace
from datetime import datetime

import pytest

from gateway.domain.caps import contact_key, number_key
from gateway.domain.change import Candidate, Change, Demand
from gateway.domain.errors import Conflict
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Callback, Guard, Role
from gateway.domain.reserve import decide, put_off
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
    terms,
)
from tests.support.stores import entry, one_flight, reservation

ROOM = Demand(queue="support", carrier="pbx", limit=10)
IN_SALES = Demand(queue="sales", carrier="pbx", limit=10)
NUMBERS = [f"+35840000000{n}" for n in range(9)]


class Spy:
    """Reserves what it is shown and remembers it."""

    def __init__(self) -> None:
        self.seen: list[Candidate] = []

    def __call__(self, candidate: Candidate) -> Change:
        self.seen.append(candidate)
        return reservation(candidate)

    @property
    def order(self) -> list[str]:
        return [one.callback.id for one in self.seen]


async def several(store: Store, *due: datetime, queue: str = "support") -> None:
    """Add callbacks of different contacts, due at these times."""
    await store.add(
        [
            entry(
                a_callback(
                    id=f"{queue}-{n}",
                    contact_id=f"{queue}-{n}",
                    queue=queue,
                    due_at=at,
                    plan=a_plan(number=f"{NUMBERS[n]}{len(queue)}"),
                ),
                contact=a_contact(f"{NUMBERS[n]}{len(queue)}", id=f"{queue}-{n}"),
            )
            for n, at in enumerate(due)
        ]
    )


async def test_a_claim_reserves_what_is_due_and_returns_its_flight(store: Store) -> None:
    await store.add([entry(a_callback())])
    [flight] = await store.claim(NOW, [ROOM], reservation)
    expected = reservation(Candidate(contact=a_contact(), callback=a_callback(), carrier="pbx"))
    assert (flight.callback, flight.attempt) == (expected.callback, expected.attempt)
    assert (flight.contact, flight.legs, flight.history) == (a_contact(), expected.legs, ())
    assert await store.open_flights() == [flight]
    assert await store.claim(NOW, [ROOM], reservation) == []


async def test_nothing_is_claimed_before_its_time_or_for_another_queue(store: Store) -> None:
    await store.add([entry(a_callback(due_at=after(0.000001)))])
    await store.add([entry(a_callback(id="callback-2", queue="sales"))])
    spy = Spy()
    assert await store.claim(NOW, [ROOM], spy) == []
    assert spy.seen == []


async def test_the_oldest_due_come_first_and_at_most_the_limit(store: Store) -> None:
    await several(store, after(-1), after(-3), after(-2), after(-3))
    spy = Spy()
    flights = await store.claim(NOW, [replace(ROOM, limit=3)], spy)
    assert spy.order == ["support-1", "support-3", "support-2"]
    assert [one.callback.id for one in flights] == spy.order


async def test_every_judged_candidate_uses_up_room(store: Store) -> None:
    await several(store, after(-3), after(-2), after(-1))

    def wait(candidate: Candidate) -> Change:
        return put_off(candidate.callback, after(60), "later", NOW)

    assert await store.claim(NOW, [replace(ROOM, limit=2)], wait) == []
    assert await store.next_due(["support"]) == after(-1)


async def test_demands_are_served_side_by_side(store: Store) -> None:
    await several(store, after(-3), after(-1), after(-0.5))
    await several(store, after(-2), queue="sales")
    spy = Spy()
    demands = [
        Demand(queue="support", carrier="pbx", limit=1),
        Demand(queue="sales", carrier="cloud", limit=5),
        Demand(queue="support", carrier="cloud", limit=1),
        Demand(queue="support", carrier="none", limit=0),
    ]
    await store.claim(NOW, demands, spy)
    assert [(one.callback.id, one.carrier) for one in spy.seen] == [
        ("support-0", "pbx"),
        ("sales-0", "cloud"),
        ("support-1", "cloud"),
    ]


async def test_a_candidate_is_seen_with_its_guards_history_and_list(store: Store) -> None:
    contact = a_contact(NUMBER, OTHER_NUMBER)
    callback = a_callback(state=CallbackState.DIALING, due_at=None, attempts=1)
    await store.add([entry(callback, contact=contact)])
    guards = (
        Guard(key=contact_key("contact-1"), recent=(NOW,), n_day=1, cap_day=3, min_gap=60.0),
        Guard(key=number_key(OTHER_NUMBER), next_allowed_at=after(5)),
        Guard(key=number_key("+35899"), n_week=1, cap_week=2),
    )
    attempt = an_attempt(closed_at=NOW)
    await store.submit(Change(at=NOW, attempt=attempt, guards=guards))
    await store.submit(Change(at=NOW, callback=callback.moved(CallbackState.SCHEDULED, due_at=NOW)))
    await store.do_not_call(OTHER_NUMBER, "asked for it", NOW)
    await store.do_not_call("+35899", "asked for it", NOW)
    spy = Spy()
    await store.claim(NOW, [ROOM], spy)
    [seen] = spy.seen
    assert seen.contact == contact
    assert seen.history == (attempt,)
    assert seen.guards == {guard.key: guard for guard in guards[:2]}
    assert seen.do_not_call == {OTHER_NUMBER}
    assert seen.busy_until is None


@pytest.mark.parametrize(
    ("contact_id", "number"), [("contact-1", OTHER_NUMBER), ("contact-2", NUMBER)]
)
async def test_an_open_attempt_makes_its_contact_and_its_number_busy(
    store: Store, contact_id: str, number: str
) -> None:
    await one_flight(store)
    contact = a_contact(number, id=contact_id)
    other = a_callback(id="other", contact_id=contact_id, queue="sales", plan=a_plan(number=number))
    same_person = a_contact(NUMBER, number)
    await store.add([entry(other, contact=same_person if contact_id == "contact-1" else contact)])
    spy = Spy()
    await store.claim(NOW, [IN_SALES], spy)
    [seen] = spy.seen
    assert seen.busy_until == after(120)


async def test_an_overdue_attempt_is_busy_for_a_moment_more(store: Store) -> None:
    await one_flight(store)
    await store.add([entry(a_callback(id="other", queue="sales"))])
    spy = Spy()
    await store.claim(after(500), [IN_SALES], spy)
    assert spy.seen[0].busy_until == after(501)


async def test_later_candidates_see_the_reservations_before_them(store: Store) -> None:
    second = a_callback(id="callback-2", due_at=NOW, queue="sales")
    await store.add([entry(a_callback(due_at=after(-1))), entry(second)])
    seen: list[Candidate] = []

    def judge(candidate: Candidate) -> Change:
        seen.append(candidate)
        return decide(candidate, terms())

    flights = await store.claim(NOW, [ROOM, IN_SALES], judge)
    assert [one.callback.id for one in flights] == ["callback-1"]
    assert seen[1].busy_until == after(120)
    assert seen[1].guards[contact_key("contact-1")].n_day == 1
    assert seen[1].guards[number_key(NUMBER)].recent == (NOW,)
    assert await store.next_due(["sales"]) == after(30)


async def test_a_reservation_that_a_constraint_refuses_is_put_off(store: Store) -> None:
    await several(store, after(-3))
    second = a_callback(id="callback-2", queue="sales")
    await store.add([entry(a_callback(due_at=after(-2))), entry(second)])
    flights = await store.claim(NOW, [ROOM, IN_SALES], reservation)
    assert [one.callback.id for one in flights] == ["support-0", "callback-1"]
    history = await store.history("callback-2")
    assert history is not None
    assert (history.callback.state, history.callback.due_at) == ("SCHEDULED", after(30))
    assert [one.kind for one in history.steps] == ["put_off"]
    assert history.attempts == ()


async def test_caps_hold_in_the_store_whatever_the_planner_thinks(store: Store) -> None:
    await store.add([entry(a_callback())])
    too_many = Guard(key=contact_key("contact-1"), n_day=4, cap_day=3)

    def careless(candidate: Candidate) -> Change:
        return reservation(candidate, guards=(too_many,))

    assert await store.claim(NOW, [ROOM], careless) == []
    assert await store.next_due(["support"]) == after(30)
    assert (await store.history("callback-1")).attempts == ()  # type: ignore[union-attr]


async def test_a_judge_that_fails_stops_only_its_claim(store: Store) -> None:
    await store.add([entry(a_callback())])

    def broken(candidate: Candidate) -> Change:
        raise ZeroDivisionError

    kept = store.submit(Change(at=NOW, guards=(Guard(key="number:1"),)))
    with pytest.raises(ZeroDivisionError):
        await store.claim(NOW, [ROOM], broken)
    await kept
    assert len(await store.claim(NOW, [ROOM], reservation)) == 1


# Writing ahead


async def test_a_leg_may_be_sent_once(store: Store) -> None:
    flight = await one_flight(store)
    leg = flight.legs[0]
    assert await store.start_sending([leg.id, leg.id, "0" * 32], after(1)) == {leg.id}
    assert await store.start_sending([leg.id], after(2)) == frozenset()
    [flight] = await store.open_flights()
    assert flight.legs == (replace(leg, state=LegState.SENDING, sending_at=after(1)),)
    assert flight.attempt.placed_at == after(1)
    assert await store.start_sending([], NOW) == frozenset()


async def test_a_sent_leg_cannot_be_made_unsent(store: Store) -> None:
    flight = await one_flight(store)
    await store.start_sending([flight.legs[0].id], after(1))
    for state in (LegState.RESERVED, LegState.RELEASED):
        with pytest.raises(Conflict):
            await store.submit(Change(at=NOW, legs=(replace(flight.legs[0], state=state),)))
    assert await store.start_sending([flight.legs[0].id], after(2)) == frozenset()


async def test_the_time_of_sending_stays_though_later_news_do_not_carry_it(store: Store) -> None:
    flight = await one_flight(store)
    await store.start_sending([flight.legs[0].id], after(1))
    ringing = replace(flight.legs[0], state=LegState.RINGING, ringing_at=after(3))
    await store.submit(Change(at=after(3), attempt=flight.attempt, legs=(ringing,)))
    [flight] = await store.open_flights()
    assert flight.legs[0].sending_at == after(1)
    assert flight.attempt.placed_at == after(1)


async def test_neither_time_can_be_moved_afterwards(store: Store) -> None:
    flight = await one_flight(store)
    await store.start_sending([flight.legs[0].id], after(1))
    leg = replace(flight.legs[0], state=LegState.ENDED, sending_at=after(9))
    attempt = replace(flight.attempt, placed_at=after(9))
    await store.submit(Change(at=after(9), attempt=attempt, legs=(leg,)))
    [flight] = await store.open_flights()
    assert (flight.legs[0].sending_at, flight.attempt.placed_at) == (after(1), after(1))


async def test_a_released_leg_is_never_sent(store: Store) -> None:
    flight = await one_flight(store)
    released = replace(flight.legs[0], state=LegState.RELEASED, ended_at=after(1))
    await store.submit(Change(at=after(1), legs=(released,)))
    assert await store.start_sending([released.id], after(2)) == frozenset()


async def test_nothing_is_sent_for_a_closed_attempt(store: Store) -> None:
    flight = await one_flight(store)
    await store.submit(Change(at=NOW, attempt=replace(flight.attempt, closed_at=NOW)))
    assert await store.start_sending([flight.legs[0].id], after(2)) == frozenset()


async def test_nothing_is_sent_to_a_number_that_was_listed_meanwhile(store: Store) -> None:
    flight = await one_flight(store)
    await store.do_not_call(NUMBER, "asked for it", NOW)
    await store.do_not_call(NUMBER, "asked again", NOW)
    assert await store.start_sending([flight.legs[0].id], after(1)) == frozenset()


async def test_no_agent_is_called_for_a_listed_number(store: Store) -> None:
    await store.add([entry(a_callback())])

    def agent_first(candidate: Candidate) -> Change:
        change = reservation(candidate)
        leg = replace(change.legs[0], role=Role.AGENT, target="PJSIP/anna")
        return replace(change, legs=(leg,))

    [flight] = await store.claim(NOW, [ROOM], agent_first)
    await store.do_not_call(NUMBER, "asked for it", NOW)
    assert await store.start_sending([flight.legs[0].id], after(1)) == frozenset()


async def test_nothing_is_sent_for_a_callback_whose_end_was_asked_for(store: Store) -> None:
    flight = await one_flight(store)
    assert await store.request_cancel("callback-1", "changed her mind", after(1))
    assert await store.start_sending([flight.legs[0].id], after(2)) == frozenset()


async def test_only_the_first_customer_leg_places_the_attempt(store: Store) -> None:
    await store.add([entry(a_callback(state=CallbackState.DIALING, due_at=None))])
    agent = a_leg(role=Role.AGENT, state=LegState.RESERVED)
    await store.submit(Change(at=NOW, attempt=an_attempt(), legs=(agent,)))
    await store.start_sending([agent.id], after(1))
    assert (await store.open_flights())[0].attempt.placed_at is None
    for n in (2, 3):
        leg = a_leg(n=n, state=LegState.RESERVED)
        await store.submit(Change(at=NOW, legs=(leg,)))
        assert await store.start_sending([leg.id], after(n)) == {leg.id}
    assert (await store.open_flights())[0].attempt.placed_at == after(2)


async def test_the_gap_to_the_next_attempt_counts_from_the_sending(store: Store) -> None:
    await store.add([entry(a_callback())])
    [flight] = await store.claim(NOW, [ROOM], lambda one: decide(one, terms()))
    await store.start_sending([flight.legs[0].id], after(20))
    done = flight.callback.moved(CallbackState.DONE)
    await store.submit(
        Change(at=NOW, callback=done, attempt=replace(flight.attempt, closed_at=after(30)))
    )
    await store.add([entry(a_callback(id="callback-2"))])
    spy = Spy()
    await store.claim(after(30), [ROOM], spy)
    allowed = {one.next_allowed_at for one in spy.seen[0].guards.values()}
    assert allowed == {after(20 + 4 * 3600)}


# Canceling


async def test_a_scheduled_callback_is_canceled_at_once(store: Store) -> None:
    await store.add([entry(a_callback())])
    assert await store.request_cancel("callback-1", "changed her mind", after(1))
    [(callback, _)] = await store.callbacks()
    assert (callback.state, callback.state_reason) == ("CANCELED", "changed her mind")
    assert (callback.due_at, callback.closed_at, callback.version) == (None, after(1), 2)
    history = await store.history("callback-1")
    assert history is not None
    assert [(one.kind, one.text) for one in history.steps] == [("canceled", "changed her mind")]


async def test_a_dialing_callback_is_marked_and_its_version_moves(store: Store) -> None:
    flight = await one_flight(store)
    assert await store.request_cancel("callback-1", "changed her mind", after(1))
    assert await store.request_cancel("callback-1", "changed her mind", after(2))
    callback: Callback = (await store.open_flights())[0].callback
    assert callback == replace(flight.callback, cancel_requested=True, version=3)
    with pytest.raises(Conflict):
        await store.submit(
            Change(at=NOW, callback=flight.callback.moved(CallbackState.SCHEDULED, due_at=NOW))
        )


async def test_what_is_over_or_unknown_cannot_be_canceled(store: Store) -> None:
    await store.add([entry(a_callback(state=CallbackState.DONE, due_at=None))])
    assert not await store.request_cancel("callback-1", "too late", NOW)
    assert not await store.request_cancel("callback-0", "who?", NOW)
