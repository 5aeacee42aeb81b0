"""The two state machines: every pair of state and event, legal or not."""

from __future__ import annotations

from itertools import product

import pytest

from docs.generate import pages
from gateway.domain.errors import IllegalTransition
from gateway.domain.machine import (
    CALLBACK_TABLE,
    LEG_TABLE,
    OPEN_LEG_STATES,
    TERMINAL_CALLBACK_STATES,
    TERMINAL_LEG_STATES,
    CallbackEvent,
    CallbackState,
    LegEvent,
    LegState,
    diagram,
    step_callback,
    step_leg,
)

# One row a state, one column an event in the order of the enum; "-" is refused.
_CALLBACK = """
SCHEDULED: SCHEDULED DIALING DONE EXHAUSTED EXPIRED CANCELED BLOCKED
DIALING:   SCHEDULED -       DONE EXHAUSTED EXPIRED CANCELED BLOCKED
DONE:      -         -       -    -         -       -        -
EXHAUSTED: -         -       -    -         -       -        -
EXPIRED:   -         -       -    -         -       -        -
CANCELED:  -         -       -    -         -       -        -
BLOCKED:   -         -       -    -         -       -        -
"""
# send, accept, ring, answer, end, release, prove_not_placed, give_up
_LEG = """
RESERVED:   SENDING -          -          -          -          RELEASED -          -
SENDING:    -       ACCEPTED   RINGING    ANSWERED   ENDED      -        NOT_PLACED UNRESOLVED
ACCEPTED:   -       ACCEPTED   RINGING    ANSWERED   ENDED      -        NOT_PLACED UNRESOLVED
RINGING:    -       RINGING    RINGING    ANSWERED   ENDED      -        -          UNRESOLVED
ANSWERED:   -       ANSWERED   ANSWERED   ANSWERED   ENDED      -        -          UNRESOLVED
ENDED:      -       ENDED      ENDED      ENDED      ENDED      -        -          -
RELEASED:   -       RELEASED   RELEASED   RELEASED   RELEASED   -        -          -
NOT_PLACED: -       NOT_PLACED NOT_PLACED NOT_PLACED NOT_PLACED -        -          -
UNRESOLVED: -       UNRESOLVED UNRESOLVED UNRESOLVED UNRESOLVED -        -          -
"""


def _rows(table: str) -> dict[str, list[str]]:
    lines = (line.split(":") for line in table.strip().splitlines())
    return {state: cells.split() for state, cells in lines}


def _cells(table: str, events: list[str]) -> list[tuple[str, str, str]]:
    return [
        (state, event, target)
        for state, targets in _rows(table).items()
        for event, target in zip(events, targets, strict=True)
    ]


_CALLBACK_CELLS = _cells(_CALLBACK, list(CallbackEvent))
_LEG_CELLS = _cells(_LEG, list(LegEvent))


def test_the_tables_of_this_specification_list_every_pair() -> None:
    assert [cell[:2] for cell in _CALLBACK_CELLS] == list(product(CallbackState, CallbackEvent))
    assert [cell[:2] for cell in _LEG_CELLS] == list(product(LegState, LegEvent))


@pytest.mark.parametrize(("state", "event", "target"), _CALLBACK_CELLS)
def test_a_callback_steps_as_its_table_says_or_is_refused(
    state: str, event: str, target: str
) -> None:
    if target == "-":
        with pytest.raises(IllegalTransition, match=f"a callback in {state} cannot {event}"):
            step_callback(CallbackState(state), CallbackEvent(event))
    else:
        assert step_callback(CallbackState(state), CallbackEvent(event)) is CallbackState(target)


@pytest.mark.parametrize(("state", "event", "target"), _LEG_CELLS)
def test_a_leg_steps_as_its_table_says_or_is_refused(state: str, event: str, target: str) -> None:
    if target == "-":
        with pytest.raises(IllegalTransition, match=f"a leg in {state} cannot {event}"):
            step_leg(LegState(state), LegEvent(event))
    else:
        assert step_leg(LegState(state), LegEvent(event)) is LegState(target)


def test_a_refused_step_leaves_the_tables_as_they_were() -> None:
    before = dict(CALLBACK_TABLE), dict(LEG_TABLE)
    with pytest.raises(IllegalTransition):
        step_callback(CallbackState.DONE, CallbackEvent.RESERVE)
    with pytest.raises(IllegalTransition):
        step_leg(LegState.ENDED, LegEvent.SEND)
    assert before == (CALLBACK_TABLE, LEG_TABLE)


def test_a_terminal_callback_is_never_left() -> None:
    assert not [state for state, _ in CALLBACK_TABLE if state in TERMINAL_CALLBACK_STATES]


def test_a_terminal_leg_is_never_left() -> None:
    left = {(old, new) for (old, _), new in LEG_TABLE.items() if old in TERMINAL_LEG_STATES}
    assert all(old is new for old, new in left)


def test_a_leg_state_is_either_open_or_terminal() -> None:
    assert set(LegState) == OPEN_LEG_STATES | TERMINAL_LEG_STATES
    assert not OPEN_LEG_STATES & TERMINAL_LEG_STATES


@pytest.mark.parametrize("state", sorted(OPEN_LEG_STATES))
def test_every_open_leg_can_be_closed_without_news_of_it(state: LegState) -> None:
    decisions = (LegEvent.RELEASE, LegEvent.PROVE_NOT_PLACED, LegEvent.GIVE_UP)
    reached = {LEG_TABLE[state, event] for event in decisions if (state, event) in LEG_TABLE}
    assert reached & TERMINAL_LEG_STATES


def test_only_a_leg_that_was_never_written_to_the_wire_can_be_released() -> None:
    assert [old for old, event in LEG_TABLE if event is LegEvent.RELEASE] == [LegState.RESERVED]


def test_a_leg_is_sent_at_most_once() -> None:
    assert [old for old, event in LEG_TABLE if event is LegEvent.SEND] == [LegState.RESERVED]
    assert LegState.RESERVED not in LEG_TABLE.values()


def test_a_phone_that_rang_can_never_be_declared_not_placed() -> None:
    for state in (LegState.RINGING, LegState.ANSWERED):
        assert (state, LegEvent.PROVE_NOT_PLACED) not in LEG_TABLE


def test_the_diagram_shows_every_step_that_changes_a_state() -> None:
    drawn = diagram()
    steps = [*CALLBACK_TABLE.items(), *LEG_TABLE.items()]
    missing = [
        (old, event)
        for (old, event), new in steps
        if old != new and f"{old} --> {new}: {event}" not in drawn
    ]
    assert not missing


def test_the_generated_documentation_is_up_to_date() -> None:
    for path, text in pages().items():
        assert path.read_text(encoding="utf-8") == text, "run: python docs/generate.py"
