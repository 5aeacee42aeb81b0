"""A moment as people write it is read by the contact's own clock, or refused with a remedy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.when import parse_past, parse_when, said_in_both
from gateway.domain.errors import BadInput

HELSINKI = ZoneInfo("Europe/Helsinki")
# A Wednesday, 12:00 UTC, 14:00 in Helsinki.
NOW = datetime(2026, 1, 14, 12, tzinfo=UTC)
ZONES = [
    ZoneInfo(name) for name in ("Europe/Helsinki", "America/New_York", "Asia/Kathmandu", "UTC")
]
instants = st.datetimes(
    min_value=datetime.fromisoformat("2024-01-01"),
    max_value=datetime.fromisoformat("2032-01-01"),
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("14:30", "2026-01-14T12:30"),
        ("13:30", "2026-01-15T11:30"),
        ("today 18:00", "2026-01-14T16:00"),
        ("tomorrow 14:00", "2026-01-15T12:00"),
        ("Tomorrow  at 9:05", "2026-01-15T07:05"),
        ("tomorrow 9am", "2026-01-15T07:00"),
        ("tomorrow 12 pm", "2026-01-15T10:00"),
        ("tomorrow 12am", "2026-01-14T22:00"),
        ("fri noon", "2026-01-16T10:00"),
        ("wed 13:00", "2026-01-21T11:00"),
        ("Wednesday 15:00", "2026-01-14T13:00"),
        ("in 2h", "2026-01-14T14:00"),
        ("in 1h30m", "2026-01-14T13:30"),
        ("in 2 days", "2026-01-16T12:00"),
        ("+45 min", "2026-01-14T12:45"),
        ("now", "2026-01-14T12:00"),
        ("2026-01-31T17:00+01:00", "2026-01-31T16:00"),
        ("2026-01-31T17:00Z", "2026-01-31T17:00"),
        ("2026-01-31 17:00", "2026-01-31T15:00"),
    ],
)
def test_what_people_write_is_understood(text: str, utc: str) -> None:
    assert parse_when(text, NOW, HELSINKI) == datetime.fromisoformat(f"{utc}:00+00:00")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be read"),
        ("tomorrow", "cannot be read"),
        ("tomorrow 9", "cannot be read"),
        ("someday 9:00", "cannot be read"),
        ("25:00", "cannot be read"),
        ("tomorrow 13pm", "cannot be read"),
        ("in 2 moons", "cannot be read"),
        ("in", "cannot be read"),
        ("2026-01-31", "without a time"),
        ("today 9:00", "in the past"),
        ("2020-01-01T00:00Z", "in the past"),
        ("0001-01-01T00:00+23:00", "cannot be read"),
        ("in 800d", "more than a year"),
        ("in 999999w", "more than a year"),
        ("2026-03-29T03:30", "does not exist there"),
    ],
)
def test_what_is_not_clear_is_refused(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=f"^WHEN.*{problem}"):
        parse_when(text, NOW, HELSINKI)
    with pytest.raises(BadInput, match=f"^--expires.*{problem}"):
        parse_when(text, NOW, HELSINKI, "--expires")


def test_of_two_moments_with_the_same_name_the_first_is_meant() -> None:
    before = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert parse_when("tomorrow 3:30", before, HELSINKI) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )


def test_hours_pass_while_clocks_change() -> None:
    night = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert parse_when("in 1h", night, HELSINKI) == night + timedelta(hours=1)


def test_a_moment_is_told_in_both_clocks() -> None:
    at = datetime(2026, 1, 14, 23, tzinfo=UTC)
    assert said_in_both(at, HELSINKI) == "Thu 15 Jan 2026 01:00 EET (Wed 14 Jan 23:00 UTC)"
    assert said_in_both(NOW, HELSINKI) == "Wed 14 Jan 2026 14:00 EET (12:00 UTC)"
    assert said_in_both(NOW, None) == "Wed 14 Jan 2026 12:00 UTC"


@given(now=instants, minutes=st.integers(1, 500_000), zone=st.sampled_from(ZONES))
def test_minutes_from_now_are_so_many_minutes(now: datetime, minutes: int, zone: ZoneInfo) -> None:
    assert parse_when(f"in {minutes} min", now, zone) == now + timedelta(minutes=minutes)


@given(
    now=instants, hour=st.integers(0, 23), minute=st.integers(0, 59), zone=st.sampled_from(ZONES)
)
def test_a_time_of_day_is_the_next_such_moment_of_the_contacts_clock(
    now: datetime, hour: int, minute: int, zone: ZoneInfo
) -> None:
    try:
        at = parse_when(f"{hour}:{minute:02}", now, zone)
    except BadInput as problem:
        if "does not exist there" not in problem.problem:
            raise
        return
    shown = at.astimezone(zone)
    assert (shown.hour, shown.minute) == (hour, minute)
    assert now <= at <= now + timedelta(hours=26)


@given(now=instants, minutes=st.integers(1, 500_000), zone=st.sampled_from(ZONES))
def test_an_iso_instant_is_read_as_itself(now: datetime, minutes: int, zone: ZoneInfo) -> None:
    at = (now + timedelta(minutes=minutes)).astimezone(zone)
    assert parse_when(at.isoformat(), now, zone) == at


@given(text=st.text(max_size=40), now=instants, zone=st.sampled_from([*ZONES, None]))
def test_any_text_is_a_moment_ahead_or_bad_input(
    text: str, now: datetime, zone: ZoneInfo | None
) -> None:
    try:
        at = parse_when(text, now, zone)
    except BadInput:
        return
    assert now - timedelta(seconds=1) <= at <= now + timedelta(days=367)


@pytest.mark.parametrize(
    ("text", "back"),
    [("2h", 2.0), ("2h ago", 2.0), ("3 days ago", 72.0), ("1h30m", 1.5), ("now", 0.0)],
)
def test_one_looks_back_by_hours_and_days(text: str, back: float) -> None:
    assert parse_past("since", text, NOW) == NOW - timedelta(hours=back)


def test_one_looks_back_to_a_day_or_an_instant() -> None:
    midnight = NOW.astimezone().replace(hour=0, minute=0)
    assert parse_past("since", "today", NOW) == midnight
    assert parse_past("since", "yesterday", NOW) == midnight - timedelta(days=1)
    assert parse_past("since", "2026-01-10T10:00Z", NOW) == datetime(2026, 1, 10, 10, tzinfo=UTC)


@given(text=st.text(max_size=30))
def test_any_text_is_a_moment_to_look_back_to_or_bad_input_with_the_option(text: str) -> None:
    try:
        at = parse_past("since", text, NOW)
    except BadInput as problem:
        if problem.field != "since":
            raise
        return
    assert at.tzinfo is UTC
