"""Windows and caps against an oracle that looks at the contact's clock, minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.caps import CapReached, count_attempt, refund_attempt
from gateway.domain.model import Guard, PreferredWindow
from gateway.domain.windows import CountryRule, Hours, Law, Open, WeeklyHours
from tests.support.builders import NoHolidays, a_contact

ZONES = st.sampled_from(
    [
        "Europe/Helsinki",
        "Europe/London",
        "America/New_York",
        "America/St_Johns",
        "America/Santiago",  # the clock is changed at midnight
        "Australia/Lord_Howe",  # by half an hour
        "Asia/Kathmandu",
        "Pacific/Auckland",
        "Pacific/Apia",
        "Africa/Casablanca",  # around Ramadan
        "Asia/Beirut",
        "UTC",
    ]
)
# Around the days of 2026 on which one of these clocks is changed, and any other.
DAYS = st.sampled_from(
    [date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 9, 6), date(2026, 10, 25)]
) | st.dates(date(2026, 1, 1), date(2027, 12, 31))
INSTANTS = st.builds(
    lambda day, seconds: (
        datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
    DAYS,
    st.integers(-86_400, 2 * 86_400),
)
SPANS = st.builds(
    lambda a, b: Hours(min(a, b), max(a, b) + 1), st.integers(0, 1439), st.integers(0, 1439)
)
WEEKS = st.dictionaries(st.integers(0, 6), st.lists(SPANS, max_size=3), max_size=7)
WISHES = st.lists(
    st.builds(
        lambda days, span: PreferredWindow(
            weekdays=frozenset(days), start_minute=span.start, end_minute=span.end
        ),
        st.sets(st.integers(0, 6)),
        SPANS,
    ),
    max_size=3,
)


def clock_says(
    at: datetime,
    zone: str,
    weeks: Sequence[WeeklyHours],
    wishes: Sequence[PreferredWindow],
    holiday: date,
) -> bool:
    """Tell by the contact's clock alone whether this instant is inside every rule."""
    local = at.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    if local.date() == holiday:
        return False
    inside = all(
        any(span.start <= minute < span.end for span in week.get(local.weekday(), ()))
        for week in weeks
    )
    return inside and (
        not wishes
        or any(
            local.weekday() in wish.weekdays and wish.start_minute <= minute < wish.end_minute
            for wish in wishes
        )
    )


@given(ZONES, WEEKS, WEEKS | st.none(), WISHES, INSTANTS, DAYS, st.lists(st.floats(0, 1)))
@example(
    "Europe/Helsinki",
    {6: [Hours(0, 1440)]},
    None,
    [],
    datetime(2026, 10, 24, 21, tzinfo=UTC),
    date(2026, 1, 1),
    [0.04, 0.5],
)
def test_the_law_is_what_the_clock_says(
    zone: str,
    weekly: dict[int, list[Hours]],
    business: dict[int, list[Hours]] | None,
    wishes: list[PreferredWindow],
    at: datetime,
    holiday: date,
    samples: list[float],
) -> None:
    law = Law(
        countries={"FI": CountryRule(weekly=weekly)},
        calendar=NoHolidays({holiday: "a day off"}),
        queues={} if business is None else {"support": business},
    )
    contact = a_contact(zone=zone)
    weeks = [weekly] if business is None else [weekly, business]

    def oracle(instant: datetime) -> bool:
        return clock_says(instant, zone, weeks, wishes, holiday)

    verdict = law.allows(contact, "support", at, wishes)
    assert isinstance(verdict, Open) == oracle(at)
    opens = law.next_open(contact, "support", at, wishes)
    if isinstance(verdict, Open):
        assert opens == at
        assert at < verdict.until
        for share in samples:
            assert oracle(at + share * (verdict.until - at - timedelta(microseconds=1)))
        return
    assert verdict.reason
    end = opens or at + timedelta(days=50)
    if opens is not None:
        assert opens > at
        assert oracle(opens)
        assert not oracle(opens - timedelta(seconds=1))
    for share in samples:
        assert not oracle(at + share * (end - at - timedelta(microseconds=1)))


STEPS = st.lists(st.tuples(st.integers(0, 200_000), st.booleans()), max_size=60)


@given(ZONES, INSTANTS, STEPS, st.integers(1, 5), st.integers(1, 9), st.integers(0, 90_000))
def test_no_row_of_attempts_passes_the_caps(
    zone: str,
    start: datetime,
    steps: list[tuple[int, bool]],
    cap_day: int,
    cap_week: int,
    min_gap: int,
) -> None:
    """Some attempts turn out not to have rung and are taken back."""
    local, guard, at = ZoneInfo(zone), Guard(key="contact:1"), start
    rang: list[datetime] = []
    for wait, refund in steps:
        at += timedelta(seconds=wait)
        moved = count_attempt(guard, at, local, cap_day=cap_day, cap_week=cap_week, min_gap=min_gap)
        if isinstance(moved, CapReached):
            assert moved.until > at
            continue
        guard = moved
        rang.append(at)
        assert guard.n_day <= cap_day
        assert guard.n_week <= cap_week
        if refund:
            guard = refund_attempt(guard, at)
            rang.pop()
    for n, one in enumerate(rang):
        assert all((later - one).total_seconds() >= min_gap for later in rang[n + 1 :])
        assert sum(one <= other < one + timedelta(days=7) for other in rang) <= cap_week
        day = one.astimezone(local).date()
        assert sum(other.astimezone(local).date() == day for other in rang) <= cap_day


@given(
    ZONES,
    INSTANTS,
    st.lists(st.integers(1, 100_000), max_size=12),
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(0, 90_000),
)
def test_a_cap_ends_when_it_says(
    zone: str, start: datetime, waits: list[int], cap_day: int, cap_week: int, min_gap: int
) -> None:
    """At ``until`` the cap that was named is over, and a second before it is not."""
    local, guard, at = ZoneInfo(zone), Guard(key="contact:1"), start

    def count(instant: datetime) -> Guard | CapReached:
        return count_attempt(
            guard, instant, local, cap_day=cap_day, cap_week=cap_week, min_gap=min_gap
        )

    for wait in waits:
        at += timedelta(seconds=wait)
        moved = count(at)
        if isinstance(moved, Guard):
            guard = moved
            continue
        again = count(moved.until)
        assert isinstance(again, Guard) or again.until > moved.until
        assert isinstance(count(moved.until - timedelta(seconds=1)), CapReached)
