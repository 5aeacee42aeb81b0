"""Values: changed only by copy, one version at a time, and silent about people."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from gateway.domain.machine import OPEN_LEG_STATES, CallbackEvent, CallbackState, LegState
from gateway.domain.reserve import close_callback, decide, put_off
from tests.support.builders import (
    NOW,
    NUMBER,
    a_callback,
    a_candidate,
    a_contact,
    a_flight,
    a_leg,
    a_plan,
    after,
    an_attempt,
    terms,
)


def test_a_callback_moves_to_its_next_version_and_the_old_one_stays_as_it_was() -> None:
    old = a_callback(version=7)
    new = old.moved(CallbackState.DIALING, state_reason="dialing")
    assert (new.version, new.state, new.state_reason) == (8, CallbackState.DIALING, "dialing")
    assert (old.version, old.state) == (7, CallbackState.SCHEDULED)


def test_every_decision_about_a_callback_is_exactly_one_version_further() -> None:
    callback = a_callback(version=7)
    changes = [
        decide(a_candidate(callback=callback), terms()),
        put_off(callback, after(60), "caps", NOW),
        close_callback(callback, CallbackEvent.CANCEL, "asked", NOW),
    ]
    assert [change.callback.version for change in changes if change.callback] == [8, 8, 8]


def test_a_value_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        a_callback().version = 2  # type: ignore[misc]


@pytest.mark.parametrize("state", LegState)
def test_a_leg_is_open_until_its_state_is_terminal(state: LegState) -> None:
    assert a_leg(state=state).is_open is (state in OPEN_LEG_STATES)


def test_a_flight_knows_its_legs_by_id() -> None:
    first, second = a_leg(), a_leg(n=2)
    flight = a_flight(first, second)
    assert flight.leg(second.id) is second
    with pytest.raises(KeyError):
        flight.leg("another")


@pytest.mark.parametrize(
    "value", [a_contact(), a_plan(), a_callback(), an_attempt(), a_leg(), a_flight()]
)
def test_what_a_value_says_about_itself_shows_neither_number_nor_name(value: object) -> None:
    assert NUMBER not in repr(value)
    assert "Kaisa" not in repr(value)


def test_not_even_a_guard_shows_the_number_it_counts() -> None:
    change = decide(a_candidate(), terms())
    assert NUMBER not in repr(change)
