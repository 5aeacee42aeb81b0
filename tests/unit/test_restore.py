"""What is decided about a call that was open when a backup was made."""

from datetime import timedelta

import pytest

from gateway.domain.disposition import Disposition
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Role
from gateway.domain.restore import LATER, hold_after_restore, settle_after_restore
from tests.support.builders import NOW, a_callback, a_flight, a_leg, after, an_attempt

DIALING = a_callback(state=CallbackState.DIALING, due_at=None, attempts=1)


@pytest.mark.parametrize(
    "state", [LegState.RESERVED, LegState.SENDING, LegState.ACCEPTED, LegState.RINGING]
)
def test_a_call_that_was_open_is_given_up_and_due_again_later(state: LegState) -> None:
    flight = a_flight(a_leg(state=state), attempt=an_attempt())
    change = settle_after_restore(flight, after(60))
    [leg] = change.legs
    assert (leg.state, leg.disposition) == (LegState.UNRESOLVED, Disposition.UNRESOLVED)
    assert (leg.evidence.source, leg.sending_at) == ("restore", NOW)
    assert change.attempt is not None
    assert change.attempt.disposition is Disposition.UNRESOLVED
    assert (change.attempt.closed_at, change.attempt.placed_at) == (after(60), NOW)
    assert change.callback is not None
    assert change.callback.state is CallbackState.SCHEDULED
    assert change.callback.due_at == after(60) + LATER
    assert change.callback.plan is not None
    assert change.callback.plan.due_at == change.callback.due_at
    assert (change.callback.used, change.callback.version) == (1, 2)
    assert [one.kind for one in change.steps] == ["restored"]


def test_an_agent_who_was_being_called_may_have_been_put_through_to_the_contact_since() -> None:
    flight = a_flight(a_leg(role=Role.AGENT))
    change = settle_after_restore(flight, after(60))
    assert change.attempt is not None
    assert change.callback is not None
    assert change.attempt.disposition is Disposition.UNRESOLVED
    assert change.callback.used == 1


def test_a_contact_who_was_connected_stays_reached() -> None:
    leg = a_leg(state=LegState.ANSWERED, answered_at=after(5), connected_at=after(5))
    change = settle_after_restore(a_flight(leg), after(60))
    assert change.callback is not None
    assert change.callback.state is CallbackState.DONE
    assert change.callback.outcome is Disposition.ANSWERED_HUMAN


def test_what_was_over_before_is_left_as_it_is() -> None:
    ended = a_leg(state=LegState.ENDED, disposition=Disposition.BUSY, ended_at=after(3))
    change = settle_after_restore(a_flight(ended, a_leg(n=2)), after(60))
    assert [one.n for one in change.legs] == [2]


@pytest.mark.parametrize(
    ("callback", "state"),
    [
        (a_callback(state=DIALING.state, cancel_requested=True), CallbackState.CANCELED),
        (a_callback(state=DIALING.state, answered_late=True), CallbackState.DONE),
        (a_callback(state=DIALING.state, deadline=after(60)), CallbackState.EXPIRED),
        (a_callback(state=DIALING.state, plan=None), CallbackState.SCHEDULED),
    ],
    ids=["cancel asked for", "answered late", "no time left", "no plan"],
)
def test_what_else_was_known_of_the_callback_counts(callback: object, state: CallbackState) -> None:
    change = settle_after_restore(a_flight(callback=callback), after(60))
    assert change.callback is not None
    assert change.callback.state is state
    assert (change.callback.closed_at is None) == (state is CallbackState.SCHEDULED)


def test_everything_is_held_until_somebody_has_looked() -> None:
    hold = hold_after_restore(NOW - timedelta(days=1), NOW)
    assert (hold.target, hold.by, hold.since) == ("all", "restore", NOW)
    assert hold.reason == (
        "restored from a backup of 2026-03-09 08:00 UTC; confirm with kairos resume"
    )
    assert "an unknown time" in hold_after_restore(None, NOW).reason
