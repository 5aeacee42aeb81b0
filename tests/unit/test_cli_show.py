"""What people and machines are shown of a callback, and that it is masked unless asked for."""

import io
import json
from dataclasses import replace
from datetime import timedelta

from rich.console import Console

from gateway.cli.live import Board
from gateway.cli.present import callback_json, evidence_text, history_json, span_text
from gateway.cli.summary import Tally, summary
from gateway.cli.timeline import timeline
from gateway.domain.disposition import Disposition
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Evidence, PreferredWindow, Role, Step
from gateway.ports import History
from tests.support.builders import (
    NOW,
    NUMBER,
    a_callback,
    a_contact,
    a_flight,
    a_leg,
    after,
    an_attempt,
)

DIGITS = NUMBER[4:]


def a_history() -> History:
    steps = (
        Step(callback_id="callback-1", at=NOW, kind="requested", text="to …67"),
        Step(
            callback_id="callback-1",
            at=NOW,
            kind="planned",
            text="first attempt",
            data={"due_at": after(60).isoformat(), "decider": "rule:standard@1"},
        ),
        Step(callback_id="callback-1", at=after(86_400), kind="attempt_over", text="attempt 1"),
        Step(callback_id="callback-1", at=after(86_400), kind="note", text=f"said {NUMBER}"),
    )
    leg = a_leg(
        state=LegState.ENDED,
        ringing_at=after(1.5),
        ended_at=after(30),
        disposition=Disposition.BUSY,
        evidence=Evidence(source="events", cause=17, tech_cause=486, reason="5"),
    )
    agent = a_leg(role=Role.AGENT, n=2, state=LegState.ENDED)
    window = PreferredWindow(weekdays=frozenset({0, 1}), start_minute=540, end_minute=720)
    return History(
        contact=a_contact(),
        callback=a_callback(
            attempts=1, used=1, reason=f"call {NUMBER}", preferred=(window,), source="file"
        ),
        attempts=(an_attempt(disposition=Disposition.BUSY),),
        legs=(leg, agent),
        steps=steps,
    )


def shown(*, reveal: bool = False, history: History | None = None) -> str:
    console = Console(file=io.StringIO(), width=140)
    console.print(timeline(history or a_history(), reveal=reveal))
    stream = console.file
    assert isinstance(stream, io.StringIO)
    return "\n".join(" ".join(line.split()) for line in stream.getvalue().splitlines())


def test_the_whole_way_is_told_in_the_contacts_own_time() -> None:
    text = shown()
    assert "Times are the contact's own, Europe/Helsinki (EET)." in text
    assert "Tuesday 10 March 2026" in text
    assert "Wednesday 11 March 2026" in text
    assert "10:00:00.0 requested to …67" in text
    assert "for Tue 10:01:00 by rule:standard@1: first attempt" in text


def test_each_leg_is_told_with_what_the_carrier_said() -> None:
    text = shown()
    assert "busy SIP 486, cause 17, reason 5, from events" in text
    assert "+1.5 s" in text
    assert "agent" in text


def test_numbers_and_names_are_masked_until_they_are_asked_for() -> None:
    assert DIGITS not in shown()
    assert "Kaisa" not in shown()
    assert NUMBER in shown(reveal=True)
    assert "Kaisa" in shown(reveal=True)


def test_an_unknown_zone_is_said_and_utc_shown() -> None:
    history = replace(a_history(), contact=a_contact(zone=None))
    text = shown(history=history)
    assert "Times are UTC: the contact's time zone is not known." in text
    assert "08:00:00.0" in text


def test_machines_get_everything_masked_too() -> None:
    text = json.dumps(history_json(a_history(), reveal=False), ensure_ascii=False)
    assert DIGITS not in text
    assert "Kaisa" not in text
    told = json.loads(text)
    assert told["preferred"] == ["mon,tue 09:00-12:00"]
    assert told["tries"][0]["legs"][0]["evidence"]["tech_cause"] == 486
    assert told["plan"]["decider"] == "rule:default@1"
    revealed = callback_json(a_callback(), a_contact(), reveal=True)
    assert revealed["contact"]["numbers"][0]["number"] == NUMBER


def test_durations_are_told_as_people_say_them() -> None:
    told = [span_text(seconds) for seconds in (0.04, 9.94, 61, 185, 7800)]
    assert told == ["0.0 s", "9.9 s", "61 s", "3 min 05 s", "2 h 10 min"]


def test_a_tally_counts_states_and_attempts() -> None:
    tally = Tally.from_callbacks(
        [
            a_callback(id="a", state=CallbackState.DONE, attempts=2),
            a_callback(id="b", state=CallbackState.DONE, attempts=1),
            a_callback(id="c", state=CallbackState.SCHEDULED, attempts=1),
        ]
    )
    assert (tally.total, tally.open, tally.attempts, tally.example) == (3, 1, 4, "a")
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(summary(tally))
    text = console.export_text()
    assert "2 reached: 1 at attempt 1, 1 at attempt 2." in text
    assert "67 %" in text


def test_an_empty_tally_can_be_shown() -> None:
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(summary(Tally.from_callbacks([])))
    assert "0 attempts" in console.export_text()


def test_the_board_shows_calls_results_and_masked_moves() -> None:
    board = Board()
    ringing = a_flight(a_leg(state=LegState.RINGING))
    late = replace(ringing, attempt=an_attempt(placed_at=NOW + timedelta(seconds=2)))
    board.look([late], now=board.began)
    board.states = {"SCHEDULED": 1, "DONE": 3}
    board.hear(
        {
            "event": "callback.moved",
            "callback_id": ringing.callback.id,
            "state": "DONE",
            "attempt": 1,
            "disposition": "answered_human",
            "reason": "reached",
        }
    )
    board.hear({"event": "carrier.down", "level": "warning", "reason": "timed out"})
    assert (board.closed, board.total, board.seizure) == (3, 4, 1.0)
    assert board.figures()["calls up"] == "1 (1 ringing, 0 talking)"
    assert board.figures()["wait for a line"] == "2.0 s"
    assert board.line().startswith("3 of 4 closed; calls up 1")
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(board)
    text = console.export_text()
    assert "…67  attempt 1  answered_human" in text
    assert "carrier.down  timed out" in text
    assert DIGITS not in text


def test_a_call_that_the_pbx_could_not_begin_says_where_to_look() -> None:
    unknown_trunk = Evidence(source="events", reason="0")
    assert "the trunk in `channel`" in evidence_text(unknown_trunk)
    busy = Evidence(source="events", reason="0", cause=17, tech_cause=486)
    assert "trunk" not in evidence_text(busy)
