"""How an open attempt moves when news of its legs comes in: what people live through."""

from __future__ import annotations

import pytest

from gateway.domain.disposition import Disposition
from gateway.domain.events import CallEvent, CallNews
from gateway.domain.flight import Effect, HangUp, StartCustomerLeg, advance, is_over
from gateway.domain.machine import LegState
from gateway.domain.model import Evidence, Flight, Role
from tests.support.builders import NOW, a_flight, a_leg, after, news

D, N, S = Disposition, CallNews, LegState
CUSTOMER = a_leg()
AGENT = a_leg(role=Role.AGENT)
WAITING = a_leg(role=Role.AGENT, state=S.ANSWERED, answered_at=NOW, channel="PJSIP/anna-1")


def play(
    flight: Flight, *events: CallEvent, needs_agent: bool = True
) -> tuple[Flight, list[Effect]]:
    """Play these news on a flight; return where it stands and all effects."""
    effects: list[Effect] = []
    for event in events:
        flight, due = advance(flight, event, needs_agent=needs_agent, max_talk=3600)
        effects += due
    return flight, effects


def the_leg(*events: CallEvent, needs_agent: bool = True) -> tuple[LegState, Disposition | None]:
    """Play these news on a sent customer leg; return how it stands."""
    leg = play(a_flight(), *events, needs_agent=needs_agent)[0].legs[0]
    return leg.state, leg.disposition


answered = news(CUSTOMER, N.ANSWERED, 12)
connected = news(CUSTOMER, N.CONNECTED, 15)
ended = news(CUSTOMER, N.ENDED, 75, disposition=D.ANSWERED_HUMAN)


class TestTheContactIsCalledFirst:
    def test_news_moves_the_leg_and_notes_when(self) -> None:
        events = [
            news(CUSTOMER, N.ACCEPTED, 1, channel="PJSIP/trunk-7"),
            news(CUSTOMER, N.RINGING, 3),
            answered,
            connected,
        ]
        leg = play(a_flight(), *events)[0].legs[0]
        assert leg.state is S.ANSWERED
        assert leg.channel == "PJSIP/trunk-7"
        assert leg.ringing_at == after(3)
        assert leg.answered_at == after(12)
        assert leg.connected_at == after(15)

    def test_a_person_who_got_somebody_to_talk_to_was_reached(self) -> None:
        assert the_leg(answered, connected, ended) == (S.ENDED, D.ANSWERED_HUMAN)

    def test_a_person_who_got_nobody_to_talk_to_was_abandoned(self) -> None:
        assert the_leg(answered, ended) == (S.ENDED, D.ABANDONED)

    def test_where_nobody_else_is_needed_a_person_who_answers_was_reached(self) -> None:
        assert the_leg(answered, ended, needs_agent=False) == (S.ENDED, D.ANSWERED_HUMAN)

    def test_a_machine_that_answers_is_a_machine(self) -> None:
        machine = news(CUSTOMER, N.ENDED, 20, disposition=D.ANSWERED_MACHINE)
        assert the_leg(answered, machine) == (S.ENDED, D.ANSWERED_MACHINE)

    @pytest.mark.parametrize(
        "disposition", [D.BUSY, D.NO_ANSWER, D.REJECTED, D.CONGESTION, D.INVALID_NUMBER, D.CANCELED]
    )
    def test_an_unanswered_call_is_what_the_carrier_says(self, disposition: Disposition) -> None:
        unanswered = news(CUSTOMER, N.ENDED, disposition=disposition)
        assert the_leg(unanswered) == (S.ENDED, disposition)

    def test_an_end_that_says_nothing_means_that_the_call_failed(self) -> None:
        assert the_leg(news(CUSTOMER, N.ENDED)) == (S.ENDED, D.FAILED)

    def test_what_the_carrier_said_about_the_end_is_kept(self) -> None:
        evidence = Evidence(source="events", cause=17, tech_cause=486)
        busy = news(CUSTOMER, N.ENDED, disposition=D.BUSY, evidence=evidence)
        assert play(a_flight(), busy)[0].legs[0].evidence == evidence

    def test_a_conversation_may_last_longer_than_the_silence_the_resolver_allows(self) -> None:
        leg = play(a_flight(), answered)[0].legs[0]
        assert leg.resolve_by == after(12 + 3600)

    def test_an_answer_never_makes_the_resolver_look_earlier(self) -> None:
        moved, _ = advance(a_flight(), answered, needs_agent=True, max_talk=5)
        assert moved.legs[0].resolve_by == CUSTOMER.resolve_by

    def test_nothing_follows_from_news_of_a_single_leg(self) -> None:
        assert play(a_flight(), answered, connected, ended)[1] == []

    def test_the_flight_is_over_when_its_leg_is(self) -> None:
        ringing = news(CUSTOMER, N.RINGING)
        assert not is_over(play(a_flight(), ringing)[0])
        assert is_over(play(a_flight(), ringing, ended)[0])


class TestNewsOutOfOrder:
    def test_ringing_after_the_answer_does_not_take_the_answer_back(self) -> None:
        late = news(CUSTOMER, N.RINGING, 4)
        leg = play(a_flight(), answered, late)[0].legs[0]
        assert leg.state is S.ANSWERED
        assert leg.ringing_at == after(4)

    def test_connected_means_answered_even_if_nobody_said_so(self) -> None:
        assert the_leg(connected, ended) == (S.ENDED, D.ANSWERED_HUMAN)

    def test_a_late_connection_shows_that_the_contact_was_not_abandoned(self) -> None:
        assert the_leg(answered, ended, connected) == (S.ENDED, D.ANSWERED_HUMAN)

    def test_a_late_answer_shows_that_the_call_did_not_fail(self) -> None:
        assert the_leg(news(CUSTOMER, N.ENDED, 75), answered) == (S.ENDED, D.ABANDONED)

    def test_a_late_connection_does_not_turn_a_machine_into_a_person(self) -> None:
        machine = news(CUSTOMER, N.ENDED, 20, disposition=D.ANSWERED_MACHINE)
        assert the_leg(answered, machine, connected) == (S.ENDED, D.ANSWERED_MACHINE)

    def test_a_second_end_without_machine_detection_does_not_either(self) -> None:
        machine = news(CUSTOMER, N.ENDED, 20, disposition=D.ANSWERED_MACHINE)
        assert the_leg(answered, machine, ended, needs_agent=False)[1] is D.ANSWERED_MACHINE

    def test_a_machine_detected_late_explains_an_abandoned_call(self) -> None:
        machine = news(CUSTOMER, N.ENDED, 80, disposition=D.ANSWERED_MACHINE)
        assert the_leg(answered, ended, machine) == (S.ENDED, D.ANSWERED_MACHINE)

    def test_late_ringing_is_noted_on_a_leg_that_ended(self) -> None:
        congestion = news(CUSTOMER, N.ENDED, 9, disposition=D.CONGESTION)
        leg = play(a_flight(), congestion, news(CUSTOMER, N.RINGING, 4))[0].legs[0]
        assert leg.ringing_at == after(4)
        assert leg.disposition is D.CONGESTION

    def test_the_earliest_time_told_is_the_one_that_is_kept(self) -> None:
        leg = play(a_flight(), connected, answered, connected, ended, ended)[0].legs[0]
        assert (leg.answered_at, leg.connected_at, leg.ended_at) == (
            after(12),
            after(15),
            after(75),
        )

    def test_news_of_a_leg_that_is_not_of_this_flight_is_refused(self) -> None:
        with pytest.raises(KeyError):
            play(a_flight(), news(AGENT, N.ANSWERED))


class TestNewsOfALegThatWasGivenUp:
    lost = a_flight(a_leg(state=S.UNRESOLVED, disposition=D.UNRESOLVED))

    def late(self, *events: CallEvent, flight: Flight | None = None) -> Disposition | None:
        moved, effects = play(flight or self.lost, *events)
        assert moved.legs[0].state is (flight or self.lost).legs[0].state
        assert effects == []
        return moved.legs[0].disposition

    def test_its_end_tells_what_became_of_it(self) -> None:
        assert self.late(news(CUSTOMER, N.ENDED, disposition=D.BUSY)) is D.BUSY

    def test_an_end_after_an_answer_and_a_connection_means_reached(self) -> None:
        assert self.late(answered, connected, ended) is D.ANSWERED_HUMAN

    def test_an_end_that_says_answered_without_a_connection_means_abandoned(self) -> None:
        assert self.late(ended) is D.ABANDONED

    def test_an_answer_alone_waits_for_the_end_because_it_may_be_a_machine(self) -> None:
        assert self.late(answered) is D.UNRESOLVED
        machine = news(CUSTOMER, N.ENDED, 30, disposition=D.ANSWERED_MACHINE)
        assert self.late(answered, machine) is D.ANSWERED_MACHINE

    def test_a_released_leg_hears_nothing_because_it_was_never_sent(self) -> None:
        released = a_flight(a_leg(state=S.RELEASED))
        assert self.late(answered, connected, ended, flight=released) is None

    def test_a_reserved_leg_hears_nothing_because_it_was_never_sent(self) -> None:
        reserved = a_flight(a_leg(state=S.RESERVED))
        assert play(reserved, answered, connected, ended) == (reserved, [])

    def test_a_person_reached_refutes_the_proof_that_no_call_was_placed(self) -> None:
        disproved = a_flight(a_leg(state=S.NOT_PLACED))
        assert self.late(answered, connected, ended, flight=disproved) is D.ANSWERED_HUMAN

    def test_the_echo_of_a_refusal_does_not(self) -> None:
        refused = a_flight(a_leg(state=S.NOT_PLACED))
        assert self.late(news(CUSTOMER, N.ENDED), flight=refused) is None


class TestTheAgentIsCalledFirst:
    def test_the_agents_answer_starts_the_call_to_the_contact(self) -> None:
        answer = news(AGENT, N.ANSWERED, channel="PJSIP/anna-1")
        assert play(a_flight(AGENT), answer)[1] == [StartCustomerLeg("PJSIP/anna-1")]

    def test_repeated_news_of_the_answer_does_not_start_it_twice(self) -> None:
        answer = news(AGENT, N.ANSWERED, channel="PJSIP/anna-1")
        again = news(AGENT, N.CONNECTED, channel="PJSIP/anna-2")
        assert len(play(a_flight(AGENT), answer, answer, again)[1]) == 1

    def test_an_agent_who_answered_and_left_starts_nothing(self) -> None:
        end, answer = news(AGENT, N.ENDED), news(AGENT, N.ANSWERED)
        assert play(a_flight(AGENT), end, answer)[1] == []

    def test_when_the_contact_does_not_answer_the_agent_is_let_go(self) -> None:
        busy = news(CUSTOMER, N.ENDED, disposition=D.BUSY)
        flight, effects = play(a_flight(WAITING, CUSTOMER), busy, busy)
        assert effects == [HangUp(AGENT.id)]
        assert not is_over(flight)

    @pytest.mark.parametrize("state", [S.RESERVED, S.SENDING, S.ACCEPTED, S.RINGING, S.ANSWERED])
    def test_when_the_agent_leaves_a_contact_who_is_not_connected_is_let_go(
        self, state: LegState
    ) -> None:
        flight = a_flight(WAITING, a_leg(state=state))
        gone = news(AGENT, N.ENDED)
        assert play(flight, gone, gone)[1] == [HangUp(CUSTOMER.id)]

    def test_a_contact_whose_phone_rings_only_after_the_agent_left_is_let_go_then(self) -> None:
        gone, ringing = news(AGENT, N.ENDED), news(CUSTOMER, N.RINGING)
        effects = play(a_flight(WAITING, CUSTOMER), gone, ringing, ringing)[1]
        assert effects == [HangUp(CUSTOMER.id)] * 2

    def test_a_connected_contact_stays_when_the_agent_hands_the_call_on(self) -> None:
        flight = a_flight(WAITING, CUSTOMER)
        assert play(flight, answered, connected, news(AGENT, N.ENDED))[1] == []

    def test_when_the_contact_hangs_up_the_agent_is_let_go(self) -> None:
        flight = a_flight(WAITING, CUSTOMER)
        assert play(flight, answered, connected, ended)[1] == [HangUp(AGENT.id)]

    def test_when_the_contact_hangs_up_last_nobody_is_left_to_let_go(self) -> None:
        flight = a_flight(WAITING, CUSTOMER)
        moved, effects = play(flight, answered, connected, news(AGENT, N.ENDED), ended)
        assert effects == []
        assert is_over(moved)

    def test_the_agent_is_kept_while_another_carrier_is_tried(self) -> None:
        failover = a_leg(n=2, state=S.RESERVED)
        flight = a_flight(WAITING, CUSTOMER, failover)
        congestion = news(CUSTOMER, N.ENDED, disposition=D.CONGESTION)
        assert play(flight, congestion)[1] == []

    def test_an_agent_needs_no_agent_to_have_been_reached(self) -> None:
        events = news(AGENT, N.ANSWERED), news(AGENT, N.ENDED)
        assert play(a_flight(AGENT), *events)[0].legs[0].disposition is D.ANSWERED_HUMAN
