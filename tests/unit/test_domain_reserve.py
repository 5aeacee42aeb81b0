"""The last check before a call: every reason not to make it, and what a reservation holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.caps import contact_key, number_key
from gateway.domain.change import Candidate, Change
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Callback, Guard, Number, PreferredWindow, Role
from gateway.domain.reserve import decide, put_off
from tests.support.builders import (
    NOW,
    NUMBER,
    OTHER_NUMBER,
    NoHolidays,
    a_callback,
    a_candidate,
    a_contact,
    a_law,
    a_plan,
    after,
    terms,
)

C = CallbackState
EVENING = datetime(2026, 3, 10, 19, 0, tzinfo=UTC)  # 21:00 in Helsinki
NEXT_MORNING = datetime(2026, 3, 11, 6, 0, tzinfo=UTC)  # 8:00


def the_callback(change: Change) -> Callback:
    """Return the callback of a change that reserves nothing."""
    assert change.callback is not None
    assert (change.attempt, change.legs, change.guards) == (None, (), ())
    assert change.callback.version == 2
    return change.callback


def closed(candidate: Candidate, *, at: datetime = NOW) -> tuple[CallbackState, str]:
    callback = the_callback(decide(candidate, terms(now=at)))
    assert (callback.closed_at, callback.due_at) == (at, None)
    return callback.state, callback.state_reason


def put_off_until(candidate: Candidate, *, at: datetime = NOW) -> tuple[datetime | None, str]:
    callback = the_callback(decide(candidate, terms(now=at)))
    assert callback.state is C.SCHEDULED
    assert callback.closed_at is None
    return callback.due_at, callback.state_reason


def guard(key: str, *hours_ago: float, next_allowed_at: datetime | None = None) -> dict[str, Guard]:
    recent = tuple(NOW - timedelta(hours=one) for one in sorted(hours_ago, reverse=True))
    return {key: Guard(key=key, recent=recent, next_allowed_at=next_allowed_at)}


class TestAReservation:
    change = decide(a_candidate(), terms())

    def test_the_callback_is_dialing_in_its_next_version(self) -> None:
        callback = self.change.callback
        assert callback is not None
        assert (callback.state, callback.version, callback.attempts) == (C.DIALING, 2, 1)
        assert callback.due_at is None

    def test_the_attempt_is_open_and_remembers_the_gap_in_force(self) -> None:
        attempt = self.change.attempt
        assert attempt is not None
        assert (attempt.n, attempt.number, attempt.reserved_at) == (1, NUMBER, NOW)
        assert (attempt.closed_at, attempt.disposition, attempt.placed_at) == (None, None, None)
        assert attempt.min_gap == 4 * 3600

    def test_the_leg_is_reserved_but_not_sent_and_has_a_time_by_which_it_is_decided(self) -> None:
        (leg,) = self.change.legs
        assert (leg.role, leg.target, leg.state) == (Role.CUSTOMER, NUMBER, LegState.RESERVED)
        assert (leg.carrier, leg.node, leg.boot_epoch) == ("pbx", "node-1", "epoch-1")
        assert (leg.sending_at, leg.resolve_by) == (None, after(120))
        assert len(leg.id) == 32

    def test_contact_and_number_are_counted_in_the_same_change(self) -> None:
        assert [one.key for one in self.change.guards] == [
            contact_key("contact-1"),
            number_key(NUMBER),
        ]
        assert {one.recent for one in self.change.guards} == {(NOW,)}

    def test_its_step_says_who_decided_and_hides_the_number(self) -> None:
        (step,) = self.change.steps
        assert step.text == "attempt 1 to …67 through pbx, by rule:default@1"
        assert step.leg_id == self.change.legs[0].id

    def test_a_queue_that_calls_the_agent_first_reserves_the_agents_leg(self) -> None:
        change = decide(a_candidate(), terms(agents={"support": "PJSIP/anna"}))
        (leg,) = change.legs
        assert (leg.role, leg.target) == (Role.AGENT, "PJSIP/anna")
        assert change.attempt is not None
        assert change.attempt.number == NUMBER

    def test_a_callback_nobody_planned_is_called_all_the_same(self) -> None:
        change = decide(a_candidate(callback=a_callback(plan=None)), terms())
        assert change.attempt is not None
        assert change.attempt.number == NUMBER
        assert change.steps[0].text.endswith("by unplanned")

    def test_the_attempts_number_counts_on(self) -> None:
        change = decide(a_candidate(callback=a_callback(attempts=4, version=9)), terms())
        assert change.attempt is not None
        assert change.callback is not None
        assert (change.attempt.n, change.callback.attempts, change.callback.version) == (5, 5, 10)


class TestWhichNumber:
    def chosen(self, *numbers: Number, planned: str) -> str | None:
        contact = a_contact(numbers=numbers)
        callback = a_callback(plan=a_plan(number=planned))
        change = decide(a_candidate(contact=contact, callback=callback), terms())
        return change.attempt.number if change.attempt else None

    good, other = Number(e164=NUMBER), Number(e164=OTHER_NUMBER)
    bad = Number(e164=NUMBER, invalid_since=NOW)

    def test_the_planned_number_is_called(self) -> None:
        assert self.chosen(self.good, self.other, planned=OTHER_NUMBER) == OTHER_NUMBER

    def test_a_planned_number_known_to_be_invalid_is_replaced_by_the_next(self) -> None:
        assert self.chosen(self.bad, self.other, planned=NUMBER) == OTHER_NUMBER

    def test_a_planned_number_the_contact_no_longer_has_is_not_called(self) -> None:
        assert self.chosen(self.good, planned=OTHER_NUMBER) == NUMBER

    def test_a_contact_without_a_working_number_is_blocked(self) -> None:
        contact = a_contact(numbers=(self.bad,))
        assert closed(a_candidate(contact=contact)) == (
            C.BLOCKED,
            "no number of the contact is known to work",
        )


class TestReasonsToClose:
    def test_a_cancellation_that_was_asked_for(self) -> None:
        asked = a_candidate(callback=a_callback(cancel_requested=True))
        assert closed(asked) == (C.CANCELED, "canceled on request")

    def test_a_deadline_that_has_passed(self) -> None:
        late = a_candidate(callback=a_callback(deadline=after(-1)))
        assert closed(late) == (C.EXPIRED, "the deadline passed")

    def test_at_the_deadline_itself_a_call_is_still_made(self) -> None:
        just = a_candidate(callback=a_callback(deadline=NOW))
        assert decide(just, terms()).attempt is not None

    def test_a_number_on_the_do_not_call_list_even_if_another_would_be_called(self) -> None:
        contact = a_contact(NUMBER, OTHER_NUMBER)
        listed = a_candidate(contact=contact, do_not_call=frozenset({OTHER_NUMBER}))
        assert closed(listed)[0] is C.BLOCKED

    @pytest.mark.parametrize(
        ("contact", "reason"),
        [
            (a_contact(zone=None), "time zone unknown (none)"),
            (a_contact(zone="Mars/Olympus"), "time zone unknown (Mars/Olympus)"),
            (a_contact(country=None), "no calling rule for country unknown"),
            (a_contact(country="XX"), "no calling rule for country XX"),
        ],
    )
    def test_a_law_that_cannot_be_applied_means_do_not_call(
        self, contact: object, reason: str
    ) -> None:
        assert closed(a_candidate(contact=contact)) == (C.BLOCKED, reason)

    def test_a_contact_whose_wishes_the_law_never_allows(self) -> None:
        sundays = PreferredWindow(weekdays=frozenset({6}), start_minute=600, end_minute=720)
        assert closed(a_candidate(callback=a_callback(preferred=(sundays,))))[0] is C.BLOCKED

    def test_a_window_that_opens_only_after_the_deadline(self) -> None:
        tonight = a_candidate(callback=a_callback(deadline=EVENING + timedelta(hours=1)))
        assert closed(tonight, at=EVENING) == (
            C.EXPIRED,
            "no allowed time before the deadline: outside calling hours",
        )

    def test_the_wish_of_a_person_is_heard_before_any_other_reason(self) -> None:
        callback = a_callback(cancel_requested=True, deadline=after(-1))
        listed = a_candidate(callback=callback, do_not_call=frozenset({NUMBER}))
        assert closed(listed)[0] is C.CANCELED


class TestReasonsToWait:
    def test_outside_the_hours_it_is_put_off_until_they_begin(self) -> None:
        assert put_off_until(a_candidate(), at=EVENING) == (NEXT_MORNING, "outside calling hours")

    def test_on_a_holiday_it_is_put_off_until_the_next_working_day(self) -> None:
        law = a_law(calendar=NoHolidays({NOW.date(): "Pi Day Eve"}))
        callback = the_callback(decide(a_candidate(), terms(law=law)))
        assert (callback.due_at, callback.state_reason) == (
            NEXT_MORNING,
            "public holiday: Pi Day Eve",
        )

    def test_a_contact_in_another_call_is_looked_at_again_soon(self) -> None:
        assert put_off_until(a_candidate(busy_until=after(600)))[0] == after(30)
        assert put_off_until(a_candidate(busy_until=after(7)))[0] == after(7)

    def test_a_call_that_should_be_over_by_now_does_not_make_us_look_again_at_once(self) -> None:
        for overdue in (NOW, after(-20)):
            assert put_off_until(a_candidate(busy_until=overdue))[0] == after(30)

    @pytest.mark.parametrize("key", [contact_key("contact-1"), number_key(NUMBER)])
    def test_the_minimum_gap_holds_for_the_contact_and_for_the_number(self, key: str) -> None:
        guards = guard(key, 1, next_allowed_at=after(3 * 3600))
        due_at, reason = put_off_until(a_candidate(guards=guards))
        assert (due_at, reason) == (after(3 * 3600), "minimum gap since the last attempt")

    @pytest.mark.parametrize("key", [contact_key("contact-1"), number_key(NUMBER)])
    def test_the_cap_of_a_day_holds_for_the_contact_and_for_the_number(self, key: str) -> None:
        due_at, reason = put_off_until(a_candidate(guards=guard(key, 7, 8, 9)))
        assert due_at == datetime(2026, 3, 10, 22, 0, tzinfo=UTC)  # Midnight in Helsinki.
        assert reason == "3 attempts today, at most 3"

    @pytest.mark.parametrize("key", [contact_key("contact-1"), number_key(NUMBER)])
    def test_the_cap_of_a_week_holds_for_the_contact_and_for_the_number(self, key: str) -> None:
        guards = guard(key, *range(100, 107))
        due_at, reason = put_off_until(a_candidate(guards=guards))
        assert due_at == NOW - timedelta(hours=106) + timedelta(days=7)
        assert reason == "7 attempts in seven days, at most 7"

    def test_the_guard_of_a_number_that_is_not_called_does_not_matter(self) -> None:
        guards = guard(number_key(OTHER_NUMBER), 1, next_allowed_at=after(3600))
        candidate = a_candidate(contact=a_contact(NUMBER, OTHER_NUMBER), guards=guards)
        assert decide(candidate, terms()).attempt is not None

    def test_putting_off_past_the_deadline_closes_and_says_why(self) -> None:
        callback = the_callback(put_off(a_callback(deadline=after(60)), after(61), "caps", NOW))
        assert callback.state is C.EXPIRED
        assert callback.state_reason == "no allowed time before the deadline: caps"

    def test_putting_off_to_the_deadline_itself_is_still_in_time(self) -> None:
        callback = the_callback(put_off(a_callback(deadline=after(60)), after(60), "caps", NOW))
        assert (callback.state, callback.due_at) == (C.SCHEDULED, after(60))

    def test_putting_off_is_explained_in_a_step(self) -> None:
        (step,) = put_off(a_callback(), after(61), "caps", NOW).steps
        assert (step.kind, step.text, step.data) == (
            "put_off",
            "caps",
            {"until": after(61).isoformat()},
        )
