"""Whatever happened before: no plan outside window, deadline, gap, cap or wish; none missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import event, given
from hypothesis import strategies as st

from fallback.planner import RulePlanner
from fallback.rules import RuleSet, ended_at, rang_at, used_attempts
from gateway.domain.caps import CapReached, count_attempt
from gateway.domain.change import Stop
from gateway.domain.disposition import Disposition, meaning
from gateway.domain.machine import CallbackEvent
from gateway.domain.model import Attempt, Guard, Number, Plan, PreferredWindow
from gateway.domain.windows import CountryRule, Hours, Law, Open
from gateway.ports import PlanQuestion
from tests.support.builders import NOW, NoHolidays, a_callback, a_contact
from tests.support.plans import history, shipped_rules

BOOKS = {name: shipped_rules(name) for name in ("standard", "urgent", "practice")}
NUMBERS = ("+358401234567", "+358501234589", "+358441234512")
SPANS = st.builds(
    lambda a, b: Hours(min(a, b), max(a, b) + 1), st.integers(0, 1439), st.integers(0, 1439)
)
WISHES = st.lists(
    st.builds(
        lambda days, span: PreferredWindow(
            weekdays=frozenset(days), start_minute=span.start, end_minute=span.end
        ),
        st.sets(st.integers(0, 6), min_size=1),
        SPANS,
    ),
    max_size=2,
)
LAWS = st.builds(
    lambda weekly, soft, holiday, day, week, gap: Law(
        countries={
            "FI": CountryRule(weekly=weekly, cap_day=day, cap_week=week, min_gap=float(gap))
        },
        calendar=NoHolidays({holiday.date(): "a day off"}),
        soft_wishes=frozenset({"support"}) if soft else frozenset(),
    ),
    st.dictionaries(st.integers(0, 6), st.lists(SPANS, min_size=1, max_size=2), min_size=1)
    | st.just({day: [Hours(0, 1440)] for day in range(7)}),
    st.booleans(),
    st.integers(0, 9).map(lambda days: NOW + timedelta(days=days)),
    st.integers(1, 4),
    st.integers(1, 9),
    st.sampled_from([0, 600, 3600, 14_400]),
)
# Every result; those after which there is another attempt more often.
RESULTS = st.sampled_from([*Disposition, None]) | st.sampled_from(
    [Disposition.NO_ANSWER, Disposition.BUSY, Disposition.ANSWERED_MACHINE]
)
PASTS = st.lists(st.tuples(st.integers(0, 100_000), RESULTS, st.sampled_from(NUMBERS)), max_size=6)


def question(
    steps: Sequence[tuple[int, Disposition | None, str]],
    wishes: Sequence[PreferredWindow],
    zone: str,
    left: int,
    wait: int,
) -> PlanQuestion:
    """Build the question: the attempts began these seconds apart, ``left`` until the deadline."""
    at, rows = NOW - timedelta(days=3), []
    for apart, disposition, number in steps:
        at += timedelta(seconds=apart + 31)
        rows.append((at, disposition, number))
    past = history(*rows)
    now = (ended_at(past[-1]) if past else NOW) + timedelta(seconds=wait)
    return PlanQuestion(
        contact=replace(a_contact(zone=zone), numbers=tuple(Number(e164=one) for one in NUMBERS)),
        callback=a_callback(preferred=tuple(wishes), deadline=now + timedelta(seconds=left)),
        now=now,
        history=past,
    )


QUESTIONS = st.builds(
    question,
    PASTS,
    WISHES,
    st.sampled_from(["Europe/Helsinki", "America/Los_Angeles", "Pacific/Auckland"]),
    st.integers(-10, 5 * 86_400),
    st.integers(0, 4_000),
)


def floor(asked: PlanQuestion, rules: RuleSet) -> datetime:
    """The time before which some result so far allows no further attempt."""
    ends = [
        ended_at(one) + timedelta(seconds=rules.rule(one.disposition).at_least)
        for one in asked.history
    ]
    return max([asked.now, *ends])


def lawful(asked: PlanQuestion, law: Law, at: datetime, wishes: Sequence[PreferredWindow]) -> bool:
    """The law's own verdict, and that of the caps, on an attempt at this time."""
    rule = law.rule(asked.contact)
    assert rule is not None
    inside = law.allows(asked.contact, asked.callback.queue, at, wishes)
    recent = sorted(rang_at(one) for one in asked.history if _rang(one))
    gap = timedelta(seconds=rule.min_gap)
    guard = Guard(
        key="x", recent=tuple(recent), next_allowed_at=recent[-1] + gap if recent else None
    )
    counted = count_attempt(
        guard,
        at,
        ZoneInfo(asked.contact.zone or ""),
        cap_day=rule.cap_day,
        cap_week=rule.cap_week,
        min_gap=rule.min_gap,
    )
    return isinstance(inside, Open) and not isinstance(counted, CapReached)


def _rang(attempt: Attempt) -> bool:
    return attempt.disposition is not None and meaning(attempt.disposition).reached_contact


@given(QUESTIONS, LAWS, st.sampled_from(sorted(BOOKS)), st.lists(st.floats(0, 1), max_size=20))
def test_every_plan_is_lawful_and_none_is_missed(
    asked: PlanQuestion, law: Law, name: str, samples: list[float]
) -> None:
    rules = BOOKS[name].sets[name]
    planner = RulePlanner(BOOKS[name], law)
    answer = planner.decide(asked)
    assert answer == planner.decide(asked) == RulePlanner(BOOKS[name], law).decide(asked)
    earliest, deadline = floor(asked, rules), asked.callback.deadline
    if isinstance(answer, Plan):
        event("planned")
        assert earliest <= answer.due_at <= deadline
        assert lawful(asked, law, answer.due_at, asked.callback.preferred)
        assert used_attempts(asked.history) < rules.max_attempts
        dead = {
            one.number for one in asked.history if one.disposition is Disposition.INVALID_NUMBER
        }
        assert answer.number in set(NUMBERS) - dead
        assert answer.decider == rules.decider
        assert all(answer.reasons)
        assert not any(number in "".join(answer.reasons) for number in NUMBERS)
        return
    assert isinstance(answer, Stop)
    event(answer.event)
    assert answer.reason
    if answer.event is CallbackEvent.EXPIRE and earliest <= deadline:
        for share in samples:
            at = earliest + share * (deadline - earliest)
            # Where wishes do not bind, the law itself leaves them out.
            assert not lawful(asked, law, at, asked.callback.preferred)


@given(LAWS, st.sampled_from(sorted(BOOKS)), st.lists(RESULTS, min_size=40, max_size=40))
def test_a_callback_always_comes_to_an_end(
    law: Law, name: str, results: list[Disposition | None]
) -> None:
    """Followed through its attempts, each at the time that was planned."""
    now, deadline = NOW, NOW + timedelta(days=3)
    rows: list[tuple[datetime, Disposition | None, str]] = []
    for disposition in [one for one in results if one is not None]:
        asked = PlanQuestion(
            contact=replace(a_contact(), numbers=tuple(Number(e164=one) for one in NUMBERS)),
            callback=a_callback(deadline=deadline),
            now=now,
            history=history(*rows),
        )
        answer = RulePlanner(BOOKS[name], law).decide(asked)
        if isinstance(answer, Stop):
            event(answer.event)
            return
        assert lawful(asked, law, answer.due_at, ())
        rows.append((answer.due_at, disposition, answer.number))
        now = answer.due_at + timedelta(seconds=30)


@given(QUESTIONS, QUESTIONS, LAWS, st.sampled_from(sorted(BOOKS)))
def test_a_planner_answers_the_same_however_often_it_was_asked_before(
    one: PlanQuestion, other: PlanQuestion, law: Law, name: str
) -> None:
    book = BOOKS[name]
    asked = [replace(each, history=()) for each in (one, other, one)]
    asked += [replace(each, callback=replace(each.callback, id="another")) for each in asked]
    used = RulePlanner(book, law)
    assert [used.decide(each) for each in asked] == [
        RulePlanner(book, law).decide(each) for each in asked
    ]
