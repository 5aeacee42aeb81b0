"""Closing an attempt: what it counts as, how long people talked, and what is owed after a crash."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.disposition import Disposition
from gateway.domain.errors import IllegalTransition
from gateway.domain.flight import (
    HangUp,
    StartCustomerLeg,
    conclude,
    owed,
    reached_contact,
    settle_leg,
)
from gateway.domain.machine import LegEvent, LegState
from gateway.domain.model import Evidence, Flight, Leg, Role
from tests.support.builders import NOW, a_flight, a_leg, after

D, S, E = Disposition, LegState, LegEvent


def an_ended_leg(disposition: Disposition | None, **changes: Any) -> Leg:
    ended: dict[str, Any] = {"state": S.ENDED, "disposition": disposition, "ended_at": after(60)}
    return a_leg(**ended | changes)


def an_ended_agent(disposition: Disposition | None) -> Leg:
    return a_leg(role=Role.AGENT, state=S.ENDED, disposition=disposition, ended_at=after(60))


def result(*legs: Leg) -> Disposition | None:
    return conclude(a_flight(*legs), after(90)).attempt.disposition


class TestWhatTheAttemptWas:
    @pytest.mark.parametrize("disposition", Disposition)
    def test_a_single_call_to_the_contact_speaks_for_the_attempt(
        self, disposition: Disposition
    ) -> None:
        assert result(an_ended_leg(disposition)) is disposition

    def test_a_call_that_was_never_placed_means_that_nobody_was_called(self) -> None:
        assert result(a_leg(state=S.RELEASED)) is None
        assert result(a_leg(state=S.NOT_PLACED)) is None

    @pytest.mark.parametrize("disposition", [D.NO_ANSWER, D.BUSY, D.REJECTED, D.CANCELED])
    def test_an_agent_who_did_not_take_the_call_did_not_answer(
        self, disposition: Disposition
    ) -> None:
        assert result(an_ended_agent(disposition)) is D.AGENT_NO_ANSWER

    @pytest.mark.parametrize("disposition", [D.FAILED, D.CONGESTION, D.INVALID_NUMBER])
    def test_an_agent_who_could_not_be_called_is_a_failure(self, disposition: Disposition) -> None:
        assert result(an_ended_agent(disposition)) is D.FAILED

    @pytest.mark.parametrize("disposition", [D.ANSWERED_HUMAN, D.ANSWERED_MACHINE, D.UNRESOLVED])
    def test_an_agent_who_left_before_the_contact_was_called_did_not_answer(
        self, disposition: Disposition
    ) -> None:
        assert result(an_ended_agent(disposition)) is D.AGENT_NO_ANSWER

    def test_an_agent_who_was_never_called_means_that_nobody_was(self) -> None:
        assert result(a_leg(role=Role.AGENT, state=S.NOT_PLACED)) is None

    @pytest.mark.parametrize("state", [S.RELEASED, S.NOT_PLACED])
    def test_an_agent_who_left_while_the_contacts_call_waited_did_not_answer(
        self, state: LegState
    ) -> None:
        assert result(an_ended_agent(D.ANSWERED_HUMAN), a_leg(state=state)) is D.AGENT_NO_ANSWER

    def test_an_agent_tried_through_a_second_carrier_is_judged_by_that(self) -> None:
        second = replace(an_ended_agent(D.NO_ANSWER), id="second", n=2)
        assert result(an_ended_agent(D.CONGESTION), second) is D.AGENT_NO_ANSWER

    def test_the_agent_answers_and_the_contact_is_busy(self) -> None:
        assert result(an_ended_agent(D.ANSWERED_HUMAN), an_ended_leg(D.BUSY)) is D.BUSY

    def test_after_a_failover_the_last_carrier_speaks_for_the_attempt(self) -> None:
        second = an_ended_leg(D.NO_ANSWER, n=2)
        assert result(an_ended_leg(D.CONGESTION), second) is D.NO_ANSWER
        second = an_ended_leg(D.FAILED, n=2)
        assert result(an_ended_leg(D.CONGESTION), second) is D.FAILED

    def test_a_failover_that_was_never_sent_does_not_undo_what_the_first_carrier_said(self) -> None:
        second = a_leg(n=2, state=S.RELEASED)
        assert result(an_ended_leg(D.CONGESTION), second) is D.CONGESTION

    def test_a_contact_reached_by_an_earlier_leg_after_all_was_reached(self) -> None:
        second = an_ended_leg(D.BUSY, n=2)
        assert result(an_ended_leg(D.ANSWERED_HUMAN), second) is D.ANSWERED_HUMAN

    def test_a_doubt_after_a_failover_stays_a_doubt(self) -> None:
        second = an_ended_leg(D.UNRESOLVED, n=2)
        assert result(an_ended_leg(D.FAILED), second) is D.UNRESOLVED


class TestWhetherThePhoneMayHaveRung:
    @pytest.mark.parametrize("disposition", [D.BUSY, D.UNRESOLVED, D.CANCELED, D.ANSWERED_HUMAN])
    def test_the_disposition_can_say_so(self, disposition: Disposition) -> None:
        assert reached_contact(a_flight(an_ended_leg(disposition)))

    @pytest.mark.parametrize("disposition", [None, D.FAILED, D.CONGESTION, D.INVALID_NUMBER])
    def test_otherwise_it_did_only_if_ringing_was_heard(
        self, disposition: Disposition | None
    ) -> None:
        assert not reached_contact(a_flight(an_ended_leg(disposition)))
        assert reached_contact(a_flight(an_ended_leg(disposition, ringing_at=NOW)))

    def test_the_agents_phone_is_not_the_contacts(self) -> None:
        assert not reached_contact(a_flight(an_ended_agent(D.ANSWERED_HUMAN)))


class TestFigures:
    def closed(self, leg: Leg) -> Flight:
        return conclude(a_flight(leg), after(90))

    def test_talk_lasts_from_the_connection_to_the_end(self) -> None:
        leg = an_ended_leg(D.ANSWERED_HUMAN, answered_at=after(10), connected_at=after(15))
        assert self.closed(leg).attempt.talk_seconds == 45

    def test_without_a_connection_talk_lasts_from_the_answer(self) -> None:
        leg = an_ended_leg(D.ANSWERED_HUMAN, answered_at=after(10))
        assert self.closed(leg).attempt.talk_seconds == 50

    @pytest.mark.parametrize("disposition", [D.ANSWERED_MACHINE, D.ABANDONED, D.UNRESOLVED])
    def test_only_a_person_who_was_reached_talked(self, disposition: Disposition) -> None:
        assert self.closed(an_ended_leg(disposition, answered_at=NOW)).attempt.talk_seconds == 0

    def test_talk_is_never_negative_when_clocks_disagree(self) -> None:
        leg = an_ended_leg(D.ANSWERED_HUMAN, answered_at=after(70))
        assert self.closed(leg).attempt.talk_seconds == 0

    def test_a_talk_whose_end_is_unknown_counts_no_seconds(self) -> None:
        leg = an_ended_leg(D.ANSWERED_HUMAN, connected_at=NOW, ended_at=None)
        assert self.closed(leg).attempt.talk_seconds == 0

    @pytest.mark.parametrize(("disposition", "used"), [(D.BUSY, 1), (D.ABANDONED, 0), (None, 0)])
    def test_an_attempt_is_held_against_the_contact_only_where_it_was_theirs(
        self, disposition: Disposition | None, used: int
    ) -> None:
        assert self.closed(an_ended_leg(disposition)).callback.used == used

    def test_concluding_leaves_the_version_to_whoever_moves_the_callback(self) -> None:
        flight = a_flight(an_ended_leg(D.BUSY))
        assert conclude(flight, after(90)).callback.version == flight.callback.version

    def test_concluding_twice_counts_once(self) -> None:
        once = self.closed(an_ended_leg(D.BUSY))
        assert conclude(once, after(500)) == once

    def test_concluding_again_after_late_news_corrects_the_figures(self) -> None:
        once = self.closed(an_ended_leg(D.ABANDONED, answered_at=after(10)))
        late = an_ended_leg(D.ANSWERED_HUMAN, answered_at=after(10), connected_at=after(20))
        again = conclude(replace(once, legs=(late,)), after(500))
        assert again.attempt.disposition is D.ANSWERED_HUMAN
        assert again.attempt.talk_seconds == 40
        assert again.attempt.closed_at == after(90)
        assert again.callback.used == 1


class TestClosingALegByDecision:
    def settle(self, leg: Leg, event: LegEvent, disposition: Disposition | None = None) -> Leg:
        evidence = Evidence(source="resolver")
        return settle_leg(leg, event, after(300), disposition=disposition, evidence=evidence)

    def test_what_was_decided_and_on_which_evidence_is_kept(self) -> None:
        leg = self.settle(a_leg(), E.GIVE_UP, D.UNRESOLVED)
        assert (leg.state, leg.disposition) == (S.UNRESOLVED, D.UNRESOLVED)
        assert leg.evidence == Evidence(source="resolver")

    def test_when_a_leg_that_was_given_up_ended_is_left_open(self) -> None:
        assert self.settle(a_leg(), E.GIVE_UP, D.UNRESOLVED).ended_at is None

    def test_a_contact_who_was_connected_stays_reached_when_the_end_is_lost(self) -> None:
        talking = a_leg(state=S.ANSWERED, answered_at=NOW, connected_at=NOW)
        assert self.settle(talking, E.GIVE_UP, D.UNRESOLVED).disposition is D.ANSWERED_HUMAN

    @pytest.mark.parametrize("state", [S.SENDING, S.ACCEPTED, S.ENDED])
    def test_a_leg_that_may_have_been_sent_cannot_be_released(self, state: LegState) -> None:
        with pytest.raises(IllegalTransition):
            self.settle(a_leg(state=state), E.RELEASE)


class TestWhatIsOwedAfterACrash:
    agent = a_leg(role=Role.AGENT, state=S.ANSWERED, channel="PJSIP/anna-1")

    def test_an_agent_who_waits_for_a_contact_nobody_called_gets_that_call(self) -> None:
        assert owed(a_flight(self.agent)) == (StartCustomerLeg("PJSIP/anna-1"),)

    def test_of_two_agents_who_wait_only_one_gets_the_contact(self) -> None:
        second = replace(self.agent, id="second", n=2, channel="PJSIP/bert-1")
        assert owed(a_flight(self.agent, second)) == (StartCustomerLeg("PJSIP/anna-1"),)

    def test_a_contact_whose_leg_is_stored_is_not_called_again(self) -> None:
        assert owed(a_flight(self.agent, a_leg(state=S.RESERVED))) == ()

    @pytest.mark.parametrize("state", [S.RELEASED, S.NOT_PLACED, S.UNRESOLVED, S.ENDED])
    def test_an_agent_whose_contact_will_not_come_is_let_go(self, state: LegState) -> None:
        assert owed(a_flight(self.agent, a_leg(state=state))) == (HangUp(self.agent.id),)

    def test_a_contact_whose_agent_was_given_up_is_let_go(self) -> None:
        gone = replace(self.agent, state=S.UNRESOLVED)
        assert owed(a_flight(gone, a_leg(state=S.RINGING))) == (HangUp(a_leg().id),)

    @pytest.mark.parametrize("state", LegState)
    def test_a_flight_without_agent_owes_nothing(self, state: LegState) -> None:
        assert owed(a_flight(a_leg(state=state))) == ()
