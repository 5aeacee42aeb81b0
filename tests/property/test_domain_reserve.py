"""The last check before a call, for any due callback whatsoever."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import event, given
from hypothesis import strategies as st

from gateway.domain.caps import contact_key, number_key
from gateway.domain.change import Candidate, Change
from gateway.domain.machine import TERMINAL_CALLBACK_STATES, CallbackState
from gateway.domain.model import Guard, Number, PreferredWindow
from gateway.domain.reserve import decide
from gateway.domain.windows import CountryRule, Hours
from tests.support.builders import (
    NUMBER,
    OTHER_NUMBER,
    NoHolidays,
    a_callback,
    a_candidate,
    a_contact,
    a_law,
    a_plan,
    terms,
)

T = TypeVar("T")

OPENS, CLOSES = 9 * 60, 20 * 60
RULE = CountryRule(
    weekly={day: (Hours(OPENS, CLOSES),) for day in range(6)},
    cap_day=2,
    cap_week=4,
    min_gap=3600.0,
)
HOLIDAY = date(2026, 5, 1)
LAW = a_law(countries={"FI": RULE}, calendar=NoHolidays({HOLIDAY: "May Day"}))
WEEK = timedelta(days=7)
NUMBERS = (NUMBER, OTHER_NUMBER)

instants = st.integers(0, 366 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
ZONES = ["Europe/Helsinki", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe"]


def _mostly(*usual: T, seldom: T) -> st.SearchStrategy[T]:
    """Draw something usual, so that most callbacks may be called after all."""
    return st.sampled_from([*usual * (10 // len(usual)), seldom])


@st.composite
def guards(draw: st.DrawFn, key: str, now: datetime) -> Guard:
    hours = draw(st.lists(st.floats(0.5, 240), max_size=5))
    recent = tuple(now - timedelta(hours=one) for one in sorted(hours, reverse=True))
    next_allowed_at = recent[-1] + timedelta(seconds=RULE.min_gap) if recent else None
    return Guard(key=key, recent=recent, next_allowed_at=next_allowed_at)


@st.composite
def situations(draw: st.DrawFn) -> tuple[datetime, Candidate]:
    """Draw a moment and a callback that is due then."""
    now = draw(instants)
    if draw(st.booleans()):
        now = now.replace(hour=draw(st.sampled_from([8, 14])))
    numbers = tuple(
        Number(e164=one, invalid_since=draw(_mostly(None, seldom=now)))
        for one in draw(st.permutations(NUMBERS))
    )
    contact = a_contact(
        numbers=numbers,
        zone=draw(_mostly(*ZONES, seldom="Nowhere")),
        country=draw(_mostly("FI", seldom=None)),
    )
    wish = st.builds(
        PreferredWindow,
        weekdays=st.frozensets(st.integers(0, 6), min_size=3),
        start_minute=st.integers(0, 900),
        end_minute=st.integers(600, 1440),
    )
    callback = a_callback(
        deadline=now + timedelta(hours=draw(_mostly(0, 6, 20, 50, 200, seldom=-1))),
        preferred=tuple(draw(st.just([]) | st.lists(wish, max_size=2))),
        cancel_requested=draw(st.integers(0, 9)) == 9,
        plan=draw(st.none() | st.sampled_from(NUMBERS).map(lambda one: a_plan(number=one))),
    )
    keys = [contact_key(contact.id), *map(number_key, NUMBERS)]
    return now, a_candidate(
        contact=contact,
        callback=callback,
        guards={
            key: draw(guards(key, now)) for key in draw(st.sets(st.sampled_from(keys), max_size=2))
        },
        do_not_call=draw(_mostly(frozenset(), seldom=frozenset({NUMBER}))),
        busy_until=draw(_mostly(None, seldom=now - timedelta(seconds=5))),
    )


def _judge(situation: tuple[datetime, Candidate]) -> Change:
    now, candidate = situation
    return decide(candidate, terms(now=now, law=LAW))


@given(situations())
def test_a_due_callback_is_reserved_put_off_or_closed_and_never_anything_else(
    situation: tuple[datetime, Candidate],
) -> None:
    now, candidate = situation
    change = _judge(situation)
    callback = change.callback
    assert callback is not None
    assert callback.version == candidate.callback.version + 1
    assert len(change.steps) == 1
    assert len(change.legs) == (change.attempt is not None)
    event(callback.state)
    if change.attempt:
        assert (callback.state, callback.due_at) == (CallbackState.DIALING, None)
    elif callback.state is CallbackState.SCHEDULED:
        assert callback.due_at is not None
        assert now < callback.due_at <= callback.deadline
    else:
        assert callback.state in TERMINAL_CALLBACK_STATES
        assert (callback.due_at, callback.closed_at) == (None, now)


@given(situations())
def test_no_call_is_ever_reserved_outside_the_law(situation: tuple[datetime, Candidate]) -> None:
    now, candidate = situation
    if _judge(situation).attempt is None:
        return
    assert candidate.contact.zone
    assert candidate.contact.country == "FI"
    local = now.astimezone(ZoneInfo(candidate.contact.zone))
    minute = local.hour * 60 + local.minute
    assert local.weekday() < 6
    assert OPENS <= minute < CLOSES
    assert local.date() != HOLIDAY
    wishes = candidate.callback.preferred
    assert not wishes or any(
        local.weekday() in wish.weekdays and wish.start_minute <= minute < wish.end_minute
        for wish in wishes
    )


@given(situations())
def test_no_call_is_ever_reserved_beyond_the_caps(situation: tuple[datetime, Candidate]) -> None:
    now, candidate = situation
    change = _judge(situation)
    if change.attempt is None or candidate.contact.zone is None:
        return
    zone = ZoneInfo(candidate.contact.zone)
    keys = contact_key(candidate.contact.id), number_key(change.attempt.number)
    assert tuple(guard.key for guard in change.guards) == keys
    for guard in change.guards:
        before = candidate.guards.get(guard.key, Guard(key=guard.key))
        assert guard.recent[-1] == now
        assert len(guard.recent) == guard.n_week <= RULE.cap_week
        today = [
            at for at in guard.recent if at.astimezone(zone).date() == now.astimezone(zone).date()
        ]
        assert len(today) == guard.n_day <= RULE.cap_day
        assert all(now - at >= timedelta(seconds=RULE.min_gap) for at in before.recent)
        assert all(at in guard.recent for at in before.recent if at > now - WEEK)


@given(situations())
def test_no_call_is_ever_reserved_against_the_contacts_will(
    situation: tuple[datetime, Candidate],
) -> None:
    now, candidate = situation
    attempt = _judge(situation).attempt
    if attempt is None:
        return
    assert not candidate.do_not_call
    assert not candidate.callback.cancel_requested
    assert candidate.busy_until is None
    assert now <= candidate.callback.deadline
    assert Number(e164=attempt.number) in candidate.contact.numbers


@given(situations())
def test_a_callback_that_is_put_off_can_be_reserved_or_closed_in_the_end(
    situation: tuple[datetime, Candidate],
) -> None:
    """Looking again when told to always gets somewhere: no callback circles for ever."""
    now, candidate = situation
    for _ in range(40):
        callback = decide(candidate, terms(now=now, law=LAW)).callback
        assert callback is not None
        if callback.state is not CallbackState.SCHEDULED:
            return
        assert callback.due_at is not None
        now = callback.due_at
        candidate = a_candidate(
            contact=candidate.contact, callback=callback, guards=candidate.guards
        )
    raise AssertionError(candidate)
