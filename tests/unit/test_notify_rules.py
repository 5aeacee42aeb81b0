"""When a message is tried again, and what is told of a callback's life."""

import ast
import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.delivering import SCHEDULE, Outcome, after_try, again
from gateway.domain.events import CallNews
from gateway.domain.lifecycle import (
    EVENT_TYPES,
    KINDS,
    WITHOUT_TYPE,
    event_of,
    is_wanted,
    unknown_types,
)
from gateway.domain.machine import TERMINAL_CALLBACK_STATES, TERMINAL_LEG_STATES
from gateway.domain.model import Step
from gateway.domain.records import Delivery, JournalEntry
from tests.architecture.source import python_files, tree
from tests.support.builders import NOW, after

FAILED = Outcome(taken=False, status=500, error="answered 500")
DELIVERY = Delivery(
    id="wh1_1", webhook_id="wh1", entry_id=1, type="t", body="{}", created_at=NOW, next_at=NOW
)


def test_the_waits_are_those_that_were_promised() -> None:
    assert SCHEDULE == (5, 30, 120, 900, 3600, 14400, 43200, 86400)


def test_a_message_that_always_fails_is_tried_nine_times_over_the_whole_schedule() -> None:
    delivery, now, waits = DELIVERY, NOW, []
    while delivery.next_at is not None:
        delivery = after_try(delivery, FAILED, now, chance=0.0, max_tries=9)
        if delivery.next_at is not None:
            waits.append((delivery.next_at - now).total_seconds())
            now = delivery.next_at
    assert waits == list(SCHEDULE)
    assert (delivery.tries, delivery.delivered_at, delivery.status) == (9, None, 500)


@given(st.floats(0, 1), st.integers(0, 7))
def test_chance_makes_a_wait_longer_by_a_fifth_at_most_and_never_shorter(
    chance: float, tries: int
) -> None:
    tried = after_try(replace(DELIVERY, tries=tries), FAILED, NOW, chance=chance, max_tries=9)
    assert tried.next_at is not None
    wait = (tried.next_at - NOW).total_seconds()
    assert SCHEDULE[tries] - 0.001 <= wait <= 1.2 * SCHEDULE[tries] + 0.001


@pytest.mark.parametrize(("asked", "wait"), [(60.0, 60), (2.0, 5), (7200.0, 3600)])
def test_a_receiver_may_ask_for_a_longer_wait_up_to_an_hour(asked: float, wait: float) -> None:
    outcome = replace(FAILED, retry_after=asked)
    tried = after_try(DELIVERY, outcome, NOW, chance=0.0, max_tries=9)
    assert tried.next_at == after(wait)


def test_a_message_that_was_taken_is_over() -> None:
    taken = after_try(
        replace(DELIVERY, tries=2, error="no"),
        Outcome(taken=True, status=204),
        after(9),
        chance=0.5,
        max_tries=9,
    )
    assert (taken.next_at, taken.delivered_at, taken.tries) == (None, after(9), 3)
    assert (taken.status, taken.error) == (204, "")


def test_a_receiver_that_is_gone_gets_no_second_try() -> None:
    gone = after_try(DELIVERY, replace(FAILED, status=410), NOW, chance=0.0, max_tries=9)
    assert (gone.next_at, gone.delivered_at) == (None, None)


def test_fewer_tries_can_be_set() -> None:
    once = after_try(DELIVERY, FAILED, NOW, chance=0.0, max_tries=1)
    assert (once.next_at, once.tries) == (None, 1)


def test_sending_anew_keeps_name_and_bytes() -> None:
    over = after_try(DELIVERY, Outcome(taken=True, status=200), NOW, chance=0.0, max_tries=9)
    anew = again(over, after(60))
    assert (anew.id, anew.body, anew.entry_id) == (DELIVERY.id, DELIVERY.body, DELIVERY.entry_id)
    assert (anew.next_at, anew.tries, anew.delivered_at) == (after(60), 0, None)


def entry(kind: str, **changes: Any) -> JournalEntry:
    step = Step(callback_id="cb1", at=NOW, kind=kind, text="so", attempt_id="at1", leg_id="leg1")
    return JournalEntry(id=42, step=replace(step, **changes), queue="support", contact_id="ct1")


def test_every_kind_of_step_in_the_code_is_told_or_left_out_on_purpose() -> None:
    kinds = _kinds_in_code() | {one.value for one in CallNews}
    kinds |= {one.lower() for one in TERMINAL_LEG_STATES | TERMINAL_CALLBACK_STATES}
    kinds |= {"inbound_call", "missed_call", "reached_elsewhere"}  # noted as they were told
    assert len(kinds) > 20
    assert kinds - KINDS.keys() - WITHOUT_TYPE.keys() == set()
    assert KINDS.keys() & WITHOUT_TYPE.keys() == set()


def _kinds_in_code() -> set[str]:
    """Return the kinds written as text: ``Step(kind=...)`` and those handed to the desk."""
    found: set[str] = set()
    for path in python_files("gateway/domain", "gateway/app", "adapters/sql", "adapters/memory"):
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            told: list[ast.expr] = []
            if name in {"Step", "noted"}:
                told = [one.value for one in node.keywords if one.arg == "kind"]
            if name in {"note", "_apply", "_step", "_pinned"}:
                told = node.args
            texts = [str(one.value) for one in told if isinstance(one, ast.Constant)]
            found |= {one for one in texts if one.isidentifier()}
    return found


def test_every_type_that_is_told_has_its_meaning_written_down() -> None:
    assert set(KINDS.values()) <= EVENT_TYPES.keys()


def test_an_event_says_what_happened_to_whom() -> None:
    data = {"attempt": 2, "disposition": "busy", "talk_seconds": 0.0}
    event = event_of(entry("attempt_over", data=data))
    assert event is not None
    assert (event.type, event.place, event.thread) == ("attempt.ended", 42, "cb1")
    assert json.loads(event.body) == {
        "type": "attempt.ended",
        "timestamp": "2026-03-10T08:00:00+00:00",
        "data": {
            "callback_id": "cb1",
            "contact_id": "ct1",
            "queue": "support",
            "attempt_id": "at1",
            "leg_id": "leg1",
            "text": "so",
            "place": 42,
            **data,
        },
    }


def test_what_a_step_holds_beside_cannot_pass_for_whom_it_is_about() -> None:
    event = event_of(entry("done", data={"callback_id": "cb2", "place": 1}))
    assert event is not None
    assert json.loads(event.body)["data"]["callback_id"] == "cb1"
    assert json.loads(event.body)["data"]["place"] == 42


def test_the_same_line_gives_the_same_bytes_whatever_the_order_of_its_data() -> None:
    one = event_of(entry("planned", data={"due_at": "x", "decider": "rule:a@1"}))
    two = event_of(entry("planned", data={"decider": "rule:a@1", "due_at": "x"}))
    assert one == two


@pytest.mark.parametrize(
    ("kind", "role", "told"),
    [
        ("ringing", "customer", "attempt.ringing"),
        ("ringing", "agent", "attempt.agent_ringing"),
        ("answered", "customer", "attempt.answered"),
        ("answered", "agent", "attempt.agent_answered"),
        ("connected", "customer", "attempt.connected"),
        ("connected", "agent", None),
        ("ended", "customer", None),
        ("accepted", "customer", None),
    ],
)
def test_an_agents_telephone_is_not_taken_for_the_contacts(
    kind: str, role: str, told: str | None
) -> None:
    event = event_of(entry(kind, data={"role": role}))
    assert (event and event.type) == told


def test_the_second_leg_of_an_attempt_starts_no_second_attempt() -> None:
    first = event_of(entry("reserved", data={"attempt": 1, "role": "agent"}))
    second = event_of(entry("reserved", data={"role": "customer"}))
    assert first is not None
    assert (first.type, second) == ("attempt.started", None)


def test_a_receiver_gets_what_it_asked_for() -> None:
    assert is_wanted("callback.done", ())
    assert is_wanted("callback.done", ("callback.*",))
    assert is_wanted("callback.done", ("attempt.ended", "callback.done"))
    assert not is_wanted("callback.done", ("attempt.*", "callback.planned"))
    assert is_wanted("webhook.test", ("attempt.ended",))


def test_a_type_that_nobody_tells_is_unknown() -> None:
    assert unknown_types(["callback.done", "attempt.*", "callback.don", "*"]) == [
        "callback.don",
        "*",
    ]


def test_the_whole_schedule_is_shorter_than_the_time_until_a_webhook_is_disabled() -> None:
    assert timedelta(seconds=1.2 * sum(SCHEDULE)) < timedelta(days=3)


def test_the_page_about_webhooks_names_every_type_and_no_other() -> None:
    page = Path("docs/webhooks.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:callback|attempt|webhook)\.[a-z_]+)`", page))
    assert named == EVENT_TYPES.keys()
