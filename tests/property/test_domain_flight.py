"""Flights under any news: every order, repetition and loss a carrier can come up with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.disposition import Disposition, is_upgrade
from gateway.domain.events import CallEvent, CallNews
from gateway.domain.flight import Effect, HangUp, StartCustomerLeg, advance, conclude, is_over, owed
from gateway.domain.machine import TERMINAL_LEG_STATES, LegState
from gateway.domain.model import Evidence, Flight, Leg, Role
from tests.support.builders import NOW, a_flight, a_leg, after, news

D, N, S = Disposition, CallNews, LegState
MAX_TALK = 3600.0
CUSTOMER, AGENT = a_leg(), a_leg(role=Role.AGENT)


def _leg_in(state: LegState, role: Role) -> Leg:
    """Build a leg in this state as the gateway itself would have left it."""
    given_up = D.UNRESOLVED if state is S.UNRESOLVED else None
    ended = D.BUSY if state is S.ENDED else None
    return a_leg(
        role=role,
        state=state,
        ended_at=after(1) if ended else None,
        disposition=given_up or ended,
        answered_at=after(1) if state is S.ANSWERED else None,
    )


def _legs(role: Role) -> st.SearchStrategy[Leg]:
    return st.sampled_from(LegState).map(lambda state: _leg_in(state, role))


customer_first = _legs(Role.CUSTOMER).map(a_flight)
agent_alone = _legs(Role.AGENT).map(a_flight)
agent_first = st.builds(a_flight, _legs(Role.AGENT), _legs(Role.CUSTOMER))
failed_over = st.builds(
    a_flight,
    _legs(Role.AGENT),
    _legs(Role.CUSTOMER),
    st.sampled_from(LegState).map(lambda state: a_leg(n=2, state=state)),
)
flights = customer_first | agent_alone | agent_first | failed_over


@st.composite
def stories(draw: st.DrawFn) -> tuple[Flight, list[CallEvent]]:
    """Draw a flight in any state and any news of its legs."""
    flight = draw(flights)
    event = st.builds(
        CallEvent,
        leg_id=st.sampled_from([leg.id for leg in flight.legs]),
        at=st.integers(0, 5000).map(lambda seconds: NOW + timedelta(seconds=seconds)),
        news=st.sampled_from(CallNews),
        disposition=st.none() | st.sampled_from(Disposition),
        evidence=st.builds(Evidence, cause=st.none() | st.integers(0, 127)),
        channel=st.sampled_from(["", "PJSIP/a-1", "PJSIP/a-2"]),
    )
    return flight, draw(st.lists(event, max_size=20))


def _step(
    flight: Flight, event: CallEvent, *, needs_agent: bool = True
) -> tuple[Flight, tuple[Effect, ...]]:
    return advance(flight, event, needs_agent=needs_agent, max_talk=MAX_TALK)


def _play(
    flight: Flight, events: Sequence[CallEvent], *, needs_agent: bool = True
) -> tuple[Flight, list[Effect]]:
    effects: list[Effect] = []
    for event in events:
        flight, due = _step(flight, event, needs_agent=needs_agent)
        effects += due
    return flight, effects


@given(stories(), st.booleans())
def test_no_news_in_any_order_is_ever_refused_or_moves_another_leg(
    story: tuple[Flight, list[CallEvent]], needs_agent: bool
) -> None:
    flight, events = story
    for event in events:
        moved, _ = _step(flight, event, needs_agent=needs_agent)
        for before, now in zip(flight.legs, moved.legs, strict=True):
            assert before == now or before.id == event.leg_id
        assert (moved.callback, moved.attempt) == (flight.callback, flight.attempt)
        flight = moved


@given(stories(), st.booleans())
def test_a_leg_that_is_over_keeps_its_state_and_only_upgrades_its_disposition(
    story: tuple[Flight, list[CallEvent]], needs_agent: bool
) -> None:
    flight, events = story
    for event in events:
        old = flight.leg(event.leg_id)
        flight, _ = _step(flight, event, needs_agent=needs_agent)
        new = flight.leg(event.leg_id)
        if old.state not in TERMINAL_LEG_STATES:
            continue
        assert new.state is old.state
        if new.disposition is not old.disposition:
            assert new.disposition is not None
            assert is_upgrade(old.disposition, new.disposition)


@given(stories())
def test_an_open_leg_never_goes_back(story: tuple[Flight, list[CallEvent]]) -> None:
    order = [S.RESERVED, S.SENDING, S.ACCEPTED, S.RINGING, S.ANSWERED, S.ENDED]
    flight, events = story
    for event in events:
        old = flight.leg(event.leg_id)
        flight, _ = _step(flight, event)
        new = flight.leg(event.leg_id)
        if old.is_open:
            assert order.index(new.state) >= order.index(old.state)
            assert (new.disposition is not None) == (new.state is S.ENDED)


@given(stories())
def test_a_leg_that_was_never_sent_hears_nothing(story: tuple[Flight, list[CallEvent]]) -> None:
    flight, events = story
    moved, _ = _play(flight, events)
    for old, new in zip(flight.legs, moved.legs, strict=True):
        if old.state in {S.RESERVED, S.RELEASED}:
            assert new == old


@given(stories())
def test_the_resolver_is_never_made_to_look_earlier(story: tuple[Flight, list[CallEvent]]) -> None:
    flight, events = story
    moved, _ = _play(flight, events)
    for old, new in zip(flight.legs, moved.legs, strict=True):
        assert new.resolve_by >= old.resolve_by


@given(stories())
def test_the_contact_is_started_once_and_a_leg_let_go_once_in_each_state(
    story: tuple[Flight, list[CallEvent]],
) -> None:
    flight, events = story
    seen: Counter[tuple[str, str]] = Counter()
    for event in events:
        flight, effects = _step(flight, event)
        for effect in effects:
            if isinstance(effect, StartCustomerLeg):
                seen["start", ""] += 1
            else:
                seen[effect.leg_id, flight.leg(effect.leg_id).state] += 1
    assert all(count == 1 for count in seen.values())


@given(stories())
def test_only_open_legs_are_let_go_and_only_agent_first(
    story: tuple[Flight, list[CallEvent]],
) -> None:
    flight, events = story
    for event in events:
        flight, effects = _step(flight, event)
        assert not effects or any(leg.role is Role.AGENT for leg in flight.legs)
        for effect in effects:
            assert effect in owed(flight)
            if isinstance(effect, HangUp):
                assert flight.leg(effect.leg_id).is_open


@given(stories())
def test_repeating_the_last_news_changes_nothing(story: tuple[Flight, list[CallEvent]]) -> None:
    flight, events = story
    for event in events:
        flight, _ = _step(flight, event)
        again, effects = _step(flight, event)
        assert again == flight
        assert effects == ()


@given(stories())
def test_a_flight_that_is_over_can_be_concluded_twice_without_counting_twice(
    story: tuple[Flight, list[CallEvent]],
) -> None:
    flight, _ = _play(*story)
    if not is_over(flight):
        return
    closed = conclude(flight, after(6000))
    assert conclude(closed, after(7000)) == closed
    assert closed.callback.used - flight.callback.used in {0, 1}
    assert closed.attempt.talk_seconds >= 0


# What a call can truly be like: the news it gives when nothing is lost, in the order it happened.
_CALLS: list[list[tuple[CallNews, float, Disposition | None]]] = [
    [(N.ACCEPTED, 1, None), (N.RINGING, 2, None), (N.ENDED, 30, D.NO_ANSWER)],
    [(N.ACCEPTED, 1, None), (N.ENDED, 2, D.BUSY)],
    [(N.ACCEPTED, 1, None), (N.RINGING, 2, None), (N.ENDED, 5, D.REJECTED)],
    [(N.ENDED, 2, D.CONGESTION)],
    [(N.RINGING, 2, None), (N.ANSWERED, 9, None), (N.ENDED, 20, D.ANSWERED_HUMAN)],
    [(N.RINGING, 2, None), (N.ANSWERED, 9, None), (N.ENDED, 20, D.ANSWERED_MACHINE)],
    [(N.ANSWERED, 9, None), (N.CONNECTED, 11, None), (N.ENDED, 80, D.ANSWERED_HUMAN)],
    [(N.RINGING, 2, None), (N.ANSWERED, 9, None), (N.CONNECTED, 11, None), (N.ENDED, 80, None)],
    [(N.ANSWERED, 9, None), (N.ENDED, 10, D.CANCELED)],
]


@st.composite
def calls(draw: st.DrawFn, leg: Leg) -> tuple[list[CallEvent], list[CallEvent]]:
    """Draw a call as it happened, and all of its news repeated and in any order."""
    told = [
        news(leg, kind, seconds, disposition=disposition)
        for kind, seconds, disposition in draw(st.sampled_from(_CALLS))
    ]
    repeated = told + draw(st.lists(st.sampled_from(told), max_size=6))
    return told, draw(st.permutations(repeated))


@given(calls(CUSTOMER), st.sampled_from([S.SENDING, S.UNRESOLVED]), st.booleans())
def test_when_all_news_arrives_its_order_and_repetition_do_not_matter(
    call: tuple[list[CallEvent], list[CallEvent]], state: LegState, needs_agent: bool
) -> None:
    told, shuffled = call
    flight = a_flight(_leg_in(state, Role.CUSTOMER))
    in_order, _ = _play(flight, told, needs_agent=needs_agent)
    otherwise, _ = _play(flight, shuffled, needs_agent=needs_agent)
    assert is_over(in_order)
    one, other = (conclude(moved, after(90)) for moved in (in_order, otherwise))
    assert one.attempt == other.attempt
    assert one.callback == other.callback


@st.composite
def agent_first_calls(draw: st.DrawFn) -> tuple[list[CallEvent], list[CallEvent]]:
    """Draw all news of an agent's and a contact's leg: as it happened, and in any mixture."""
    agent, customer = draw(calls(AGENT)), draw(calls(CUSTOMER))
    return [*agent[0], *customer[0]], draw(st.permutations([*agent[1], *customer[1]]))


@given(agent_first_calls())
def test_two_legs_whose_news_is_mixed_conclude_as_if_it_came_in_order(
    both: tuple[list[CallEvent], list[CallEvent]],
) -> None:
    told, mixed = both
    one, other = (_play(a_flight(AGENT, CUSTOMER), events)[0] for events in (told, mixed))
    assert conclude(one, after(90)).attempt == conclude(other, after(90)).attempt


@given(agent_first_calls(), st.data())
def test_whatever_news_is_lost_nobody_is_left_waiting_for_nobody(
    both: tuple[list[CallEvent], list[CallEvent]], data: st.DataObject
) -> None:
    _, mixed = both
    kept = [event for event in mixed if data.draw(st.booleans())]
    flight, effects = _play(a_flight(AGENT, CUSTOMER), kept)
    states = {leg.role: leg.is_open for leg in flight.legs}
    lonely = [
        leg
        for leg in flight.legs
        if leg.is_open and not all(states.values()) and not leg.connected_at
    ]
    assert {HangUp(leg.id) for leg in lonely} <= set(effects)


@given(st.permutations([N.ACCEPTED, N.RINGING, N.ANSWERED, N.CONNECTED, N.ANSWERED]))
def test_an_agent_who_answers_starts_the_contact_whatever_the_order(order: list[CallNews]) -> None:
    events = [news(AGENT, kind, channel="PJSIP/anna-1") for kind in order]
    assert _play(a_flight(AGENT), events)[1] == [StartCustomerLeg("PJSIP/anna-1")]
