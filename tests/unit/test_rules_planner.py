"""The planner that works by rules: when next, at which number, why, and when to stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fallback.planner import RulePlanner
from gateway.domain.change import Stop
from gateway.domain.disposition import Disposition
from gateway.domain.machine import CallbackEvent
from gateway.domain.model import Attempt, Plan, PreferredWindow
from gateway.domain.windows import CountryRule, Hours, Law
from gateway.ports import PlanQuestion
from tests.support.builders import (
    NOW,
    NUMBER,
    OTHER_NUMBER,
    NoHolidays,
    a_callback,
    a_contact,
    an_attempt,
)
from tests.support.plans import history, shipped_rules

D = Disposition
HOUR = timedelta(hours=1)
DAYS = range(7)


def law(start: int = 8, end: int = 20, min_gap: float = 3600.0, **changes: Any) -> Law:
    """Finland, weekdays; hours of the day."""
    hours = (Hours(start * 60, end * 60),)
    rule = CountryRule(weekly=dict.fromkeys(range(5), hours), min_gap=min_gap, **changes)
    return Law(countries={"FI": rule}, calendar=NoHolidays())


def at(text: str) -> datetime:
    """An instant by Helsinki's winter clock (UTC+2)."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) - 2 * HOUR


def plan(
    past: tuple[Attempt, ...] = (),
    *,
    now: datetime | None = None,
    rules: str = "standard",
    the_law: Law | None = None,
    contact: dict[str, Any] | None = None,
    **callback: Any,
) -> Plan | Stop:
    """Ask the shipped rules; ``now`` is by default the end of the last attempt."""
    last = past[-1].closed_at if past else NOW
    question = PlanQuestion(
        contact=a_contact(NUMBER, OTHER_NUMBER, **(contact or {})),
        callback=a_callback(**callback),
        now=now or last or NOW,
        history=past,
    )
    return RulePlanner(shipped_rules(rules), the_law or law()).decide(question)


def planned(*args: Any, **named: Any) -> Plan:
    answer = plan(*args, **named)
    assert isinstance(answer, Plan), answer
    return answer


def stopped(*args: Any, **named: Any) -> tuple[CallbackEvent, str]:
    answer = plan(*args, **named)
    assert isinstance(answer, Stop), answer
    return answer.event, answer.reason


def test_the_first_attempt_is_made_at_once_when_it_is_allowed() -> None:
    first = planned()
    assert first.due_at == NOW
    assert first.number == NUMBER
    assert first.decider.startswith("rule:standard@")
    assert first.reasons == ("first attempt: at once", "1st of 5 attempts")
    assert first.made_at == NOW
    assert first.probability is None


def test_the_first_attempt_waits_for_the_opening_and_not_all_start_in_one_second() -> None:
    night = at("2026-03-10 22:00")
    dues = {
        planned(now=night, id=f"callback-{n}", deadline=night + 48 * HOUR).due_at for n in range(20)
    }
    assert all(at("2026-03-11 08:00") <= due < at("2026-03-11 08:15") for due in dues)
    assert len(dues) > 10
    reasons = planned(now=night).reasons
    assert reasons[0] == "first attempt: at the next allowed time"
    assert reasons[2] == (
        "not before Wed 11 Mar 08:00, local time: outside calling hours until then"
    )


def test_a_miss_in_the_morning_is_tried_again_in_the_afternoon() -> None:
    second = planned(history((at("2026-03-10 10:00"), D.NO_ANSWER)))
    assert at("2026-03-10 13:00") <= second.due_at < at("2026-03-10 13:15")
    assert second.reasons == (
        "no answer this morning: tried again in the afternoon",
        "2nd of 5 attempts",
    )


def test_then_in_the_evening_then_in_the_morning() -> None:
    morning, afternoon = at("2026-03-10 10:00"), at("2026-03-10 13:00")
    evening = at("2026-03-10 17:01")
    third = planned(history((morning, D.NO_ANSWER), (afternoon, D.NO_ANSWER)))
    assert at("2026-03-10 17:00") <= third.due_at < at("2026-03-10 18:00")
    past = history((morning, D.NO_ANSWER), (afternoon, D.NO_ANSWER), (evening, D.NO_ANSWER))
    more = law(cap_day=9)
    fourth = planned(past, the_law=more, deadline=NOW + 96 * HOUR)
    # A day later it is evening again; every part was missed once, so there is nothing to prefer.
    assert fourth.due_at.date() == at("2026-03-11 17:01").date()


def test_an_early_miss_of_yesterday_is_told_so() -> None:
    late = planned(history((at("2026-03-10 19:00"), D.NO_ANSWER)), now=at("2026-03-11 07:00"))
    assert late.reasons[0] == "no answer yesterday evening: tried again in the morning"
    old = planned(history((at("2026-03-06 19:00"), D.NO_ANSWER)), now=at("2026-03-11 07:00"))
    assert old.reasons[0].startswith("no answer on Fri 6 Mar in the evening: tried again in the")


def test_another_part_of_the_day_is_not_waited_for_too_long() -> None:
    """Only mornings are allowed: the morning it is, however often it was missed."""
    second = planned(history((at("2026-03-10 10:00"), D.NO_ANSWER)), the_law=law(8, 12))
    assert at("2026-03-11 08:00") <= second.due_at < at("2026-03-11 08:15")


@pytest.mark.parametrize(
    ("result", "shortest", "longest"),
    [
        (D.BUSY, 15 * 60, 20 * 60),
        (D.AGENT_NO_ANSWER, 60, 90),
        (D.CONGESTION, 5 * 60, 8 * 60),
        (D.FAILED, 5 * 60, 8 * 60),
        (D.INVALID_NUMBER, 60, 90),
        (D.ABANDONED, 2 * 60, 3 * 60),
        (D.UNRESOLVED, 4 * 3600, 5 * 3600),
        (D.CANCELED, 3600, 4600),
        (None, 0, 0),
    ],
)
def test_each_result_has_its_delay(
    result: Disposition | None, shortest: float, longest: float
) -> None:
    past = history((at("2026-03-10 09:00"), result))
    wait = planned(past, the_law=law(min_gap=0.0)).due_at - past[0].closed_at  # type: ignore[operator]
    assert shortest <= wait.total_seconds() <= longest


def test_the_delay_grows_with_each_such_result() -> None:
    waits = []
    past: tuple[Attempt, ...] = ()
    for n in range(4):
        past = history(*[(at("2026-03-10 09:00") + n * HOUR / 60, D.CONGESTION)] * (n + 1))
        waits.append((planned(past).due_at - past[-1].closed_at).total_seconds())  # type: ignore[operator]
    assert 300 <= waits[0] < 900 <= waits[1] < 1800
    assert 3600 <= waits[2] < 5400
    assert 3600 <= waits[3] < 5400


def test_the_law_s_gap_stands_above_a_short_delay() -> None:
    again = planned(history((at("2026-03-10 10:00"), D.ABANDONED)), the_law=law(min_gap=7200.0))
    assert again.due_at >= at("2026-03-10 12:00")
    assert again.reasons[2].endswith("called often enough until then")


def test_an_order_that_was_not_sent_is_repeated_now_and_then_more_slowly() -> None:
    start = at("2026-03-10 10:00")
    waits = []
    for n in range(1, 6):
        past = history(*[(start, None)] * n)
        waits.append((planned(past).due_at - past[-1].closed_at).total_seconds())  # type: ignore[operator]
    assert waits == sorted(waits)
    assert waits[0] == 0
    assert 5 <= waits[1] < 10


def test_an_order_that_was_not_sent_does_not_forget_the_call_before_it() -> None:
    past = history((at("2026-03-10 10:00"), D.NO_ANSWER), (at("2026-03-10 10:05"), None))
    assert planned(past).due_at >= at("2026-03-10 12:00")


def test_caps_of_the_day_are_looked_ahead() -> None:
    past = history((at("2026-03-10 09:00"), D.BUSY), (at("2026-03-10 11:00"), D.BUSY))
    tomorrow = planned(past, the_law=law(cap_day=2))
    assert at("2026-03-11 08:00") <= tomorrow.due_at < at("2026-03-11 08:15")


def test_no_time_for_the_usual_delay_is_a_last_chance() -> None:
    miss = history((at("2026-03-10 10:00"), D.NO_ANSWER))
    last = planned(miss, deadline=at("2026-03-10 12:30"))
    assert at("2026-03-10 12:00") <= last.due_at <= at("2026-03-10 12:30")
    assert "the usual delay would pass the deadline: last chance before it" in last.reasons
    assert stopped(miss, deadline=at("2026-03-10 12:00")) == (
        CallbackEvent.EXPIRE,
        "no allowed time before the deadline",
    )


@pytest.mark.parametrize("result", [D.CONGESTION, D.FAILED, D.UNRESOLVED, D.REJECTED])
def test_a_hard_delay_is_never_shortened(result: Disposition) -> None:
    past = history((at("2026-03-10 10:00"), result))
    event, _ = stopped(past, deadline=at("2026-03-10 10:05"))
    assert event is CallbackEvent.EXPIRE


def test_a_deadline_that_passed() -> None:
    assert stopped(now=NOW, deadline=NOW - HOUR) == (
        CallbackEvent.EXPIRE,
        "the deadline passed",
    )


def test_a_deadline_before_the_next_opening() -> None:
    night = at("2026-03-10 22:00")
    assert stopped(now=night, deadline=at("2026-03-11 07:00")) == (
        CallbackEvent.EXPIRE,
        "no allowed time before the deadline (outside calling hours now)",
    )


def test_the_very_last_moment_is_left_for_the_dispatcher() -> None:
    closing = at("2026-03-11 08:01")
    first = planned(now=at("2026-03-10 22:00"), deadline=closing)
    assert at("2026-03-11 08:00") <= first.due_at < closing


def test_attempts_used_up() -> None:
    days = [at(f"2026-03-0{day} 10:00") for day in range(2, 7)]
    past = history(*((day, D.NO_ANSWER) for day in days))
    assert stopped(past) == (CallbackEvent.EXHAUST, "all 5 attempts are used up")
    fault = history((at("2026-03-01 10:00"), D.CONGESTION))
    told = "all 5 attempts are used up, 1 more not held against the contact"
    assert stopped((*fault, *past)) == (CallbackEvent.EXHAUST, told)


def test_faults_of_ours_use_no_attempt_but_have_a_limit() -> None:
    start = at("2026-03-10 09:00")
    past = history(*((start + n * HOUR / 10, D.FAILED) for n in range(5)))
    assert planned(past).reasons[1] == "1st of 5 attempts, 5 more not held against the contact"
    past = history(*((start + n * HOUR / 10, D.FAILED) for n in range(6)))
    assert stopped(past) == (
        CallbackEvent.EXHAUST,
        "the call failed technically: 6 times, at most 6",
    )


def test_a_contact_who_was_reached_is_left_in_peace() -> None:
    past = history((at("2026-03-10 10:00"), D.ANSWERED_HUMAN), (at("2026-03-10 11:00"), D.FAILED))
    assert stopped(past) == (CallbackEvent.COMPLETE, "the contact was reached")


def test_an_invalid_number_leads_to_the_next_one() -> None:
    past = history((at("2026-03-10 10:00"), D.INVALID_NUMBER))
    second = planned(past)
    assert second.number == OTHER_NUMBER
    assert second.reasons[2] == "the contact's next number: the one before had its turn"
    past = history(
        (at("2026-03-10 10:00"), D.INVALID_NUMBER),
        (at("2026-03-10 10:05"), D.INVALID_NUMBER, OTHER_NUMBER),
    )
    assert stopped(past) == (CallbackEvent.BLOCK, "no number of the contact is known to work")


def test_numbers_take_turns_after_misses() -> None:
    days = [at(f"2026-03-0{day} 10:00") for day in range(2, 7)]
    seen = [NUMBER]
    for n in range(1, 5):
        past = history(*((day, D.NO_ANSWER, seen[i]) for i, day in enumerate(days[:n])))
        seen.append(planned(past).number)
    assert seen == [NUMBER, NUMBER, OTHER_NUMBER, OTHER_NUMBER, NUMBER]


def test_a_fault_of_ours_keeps_the_number() -> None:
    past = history((at("2026-03-10 10:00"), D.BUSY), (at("2026-03-10 11:00"), D.CONGESTION))
    assert planned(past).number == NUMBER


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"zone": None}, "time zone unknown (none)"),
        ({"zone": "Europe/Atlantis"}, "time zone unknown (Europe/Atlantis)"),
        ({"country": "QQ"}, "no calling rule for country QQ"),
        ({"numbers": ()}, "no number of the contact is known to work"),
    ],
)
def test_what_is_not_known_blocks(changes: dict[str, Any], reason: str) -> None:
    answer = RulePlanner(shipped_rules(), law()).decide(
        PlanQuestion(contact=a_contact(**changes), callback=a_callback(), now=NOW)
    )
    assert answer == Stop(event=CallbackEvent.BLOCK, reason=reason)


def wish(*weekdays: int, start: int, end: int) -> tuple[PreferredWindow, ...]:
    window = PreferredWindow(
        weekdays=frozenset(weekdays), start_minute=start * 60, end_minute=end * 60
    )
    return (window,)


def test_a_wish_is_kept() -> None:
    first = planned(preferred=wish(2, start=15, end=17))
    assert at("2026-03-11 15:00") <= first.due_at < at("2026-03-11 15:15")
    assert first.reasons[2].endswith("outside the contact's preferred times until then")


def test_a_wish_binds() -> None:
    assert stopped(preferred=wish(2, start=15, end=17), deadline=NOW + 3 * HOUR) == (
        CallbackEvent.EXPIRE,
        "no time that suits the contact before the deadline",
    )


def test_a_wish_that_does_not_bind_is_tried_first() -> None:
    soft = Law(countries=law().countries, calendar=NoHolidays(), soft_wishes=frozenset({"support"}))
    kept = planned(preferred=wish(2, start=15, end=17), the_law=soft)
    assert at("2026-03-11 15:00") <= kept.due_at < at("2026-03-11 15:15")
    given_up = planned(preferred=wish(2, start=15, end=17), deadline=NOW + 3 * HOUR, the_law=soft)
    assert given_up.due_at == NOW
    assert given_up.reasons[2] == (
        "no preferred time of the contact is left before the deadline: any lawful one"
    )


def test_the_wish_is_tried_as_a_last_chance_before_it_is_given_up() -> None:
    soft = Law(countries=law().countries, calendar=NoHolidays(), soft_wishes=frozenset({"support"}))
    past = history((at("2026-03-10 10:00"), D.NO_ANSWER))
    second = planned(
        past,
        preferred=wish(1, start=12, end=13),
        deadline=at("2026-03-10 18:00"),
        the_law=soft,
    )
    assert at("2026-03-10 12:00") <= second.due_at < at("2026-03-10 13:00")
    assert any("last chance" in one for one in second.reasons)


def test_france_has_fewer_attempts() -> None:
    book = shipped_rules()
    assert book.pick("support", "FR").max_attempts == 4
    assert book.pick("support", "FI").max_attempts == 5
    assert book.pick("support", "FR").version != book.pick("support", "FI").version
    assert book.pick("another queue", None).name == "standard"


def test_a_long_row_of_attempts_is_counted_in_english() -> None:
    past = history(*((at(f"2026-03-0{day} 10:00"), D.BUSY) for day in (2, 3, 4)))
    assert planned(past).reasons[1] == "4th of 5 attempts"


async def test_the_port() -> None:
    planner = RulePlanner(shipped_rules("practice"), law())
    question = PlanQuestion(
        contact=a_contact(), callback=a_callback(), now=NOW, history=(an_attempt(),)
    )
    answer = await planner.plan(question)
    assert answer == planner.decide(question)
    assert isinstance(answer, Plan)
    assert answer.due_at == NOW
