"""When a call is allowed: days the clock is changed, midnights, holidays, wishes, broken data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.calendar import HolidaysCalendar
from gateway.domain.model import PreferredWindow
from gateway.domain.windows import Closed, CountryRule, Hours, Law, Open, parse_zone
from tests.support.builders import NOW, NoHolidays, a_contact

DAYS = range(7)


def law(*spans: tuple[str, str], holidays: Sequence[Hours] = (), **changes: object) -> Law:
    """Finland, every day within these local hours."""
    hours = tuple(Hours(minutes(start), minutes(end)) for start, end in spans)
    rule = CountryRule(weekly=dict.fromkeys(DAYS, hours), holidays=holidays)
    return Law(countries={"FI": rule}, calendar=NoHolidays(), **changes)  # type: ignore[arg-type]


def minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def verdict(rules: Law, at: str, zone: str = "Europe/Helsinki") -> Open | Closed:
    return rules.allows(a_contact(zone=zone), "support", utc(at))


# In Helsinki the clock goes from 03:00 to 04:00 on 2026-03-29 and from 04:00 back to 03:00 on
# 2026-10-25, at 01:00 UTC both times.


def test_hours_follow_summer_time() -> None:
    day = law(("09:00", "17:00"))
    assert verdict(day, "2026-03-28 07:00") == Open(utc("2026-03-28 15:00"))
    assert verdict(day, "2026-03-28 06:59") == Closed(
        "outside calling hours", utc("2026-03-28 07:00")
    )
    assert verdict(day, "2026-03-28 15:00") == Closed(
        "outside calling hours", utc("2026-03-29 06:00")
    )
    assert verdict(day, "2026-10-24 14:00") == Closed(
        "outside calling hours", utc("2026-10-25 07:00")
    )


@pytest.mark.parametrize(
    ("start", "end", "opens", "until"),
    [
        ("03:30", "05:00", "01:00", "02:00"),  # begins in the hour that is skipped
        ("02:00", "03:30", "00:00", "01:00"),  # ends in it
        ("02:00", "05:00", "00:00", "02:00"),  # goes over it
    ],
)
def test_a_skipped_hour(start: str, end: str, opens: str, until: str) -> None:
    night = law((start, end))
    assert verdict(night, "2026-03-28 23:00") == Closed(
        "outside calling hours", utc(f"2026-03-29 {opens}")
    )
    assert verdict(night, f"2026-03-29 {opens}") in {
        Open(utc(f"2026-03-29 {until}")),
        Open(utc("2026-03-29 01:00")),  # up to the change, and on after it
    }
    assert isinstance(verdict(night, f"2026-03-29 {until}"), Closed)


def test_hours_inside_the_skipped_hour_are_not_to_be_had_that_day() -> None:
    assert verdict(law(("03:10", "03:50")), "2026-03-28 23:00") == Closed(
        "outside calling hours", utc("2026-03-30 00:10")
    )


def test_a_doubled_hour_is_judged_by_the_clock_both_times() -> None:
    night = law(("03:10", "03:40"))
    for hour in ("00", "01"):
        assert verdict(night, f"2026-10-25 {hour}:10") == Open(utc(f"2026-10-25 {hour}:40"))
        assert isinstance(verdict(night, f"2026-10-25 {hour}:09"), Closed)
    assert verdict(night, "2026-10-25 00:40") == Closed(
        "outside calling hours", utc("2026-10-25 01:10")
    )


def test_hours_that_end_in_the_doubled_hour_come_back_for_its_second_run() -> None:
    assert verdict(law(("01:00", "03:30")), "2026-10-25 00:45") == Closed(
        "outside calling hours", utc("2026-10-25 01:00")
    )


@pytest.mark.parametrize(
    ("zone", "at", "local_day"),
    [
        ("Pacific/Auckland", "2026-03-09 12:00", date(2026, 3, 10)),
        ("Pacific/Kiritimati", "2026-03-09 10:00", date(2026, 3, 10)),
        ("America/Los_Angeles", "2026-03-10 05:00", date(2026, 3, 9)),
        ("Asia/Kathmandu", "2026-03-09 18:15", date(2026, 3, 10)),
    ],
)
def test_the_day_is_the_contacts(zone: str, at: str, local_day: date) -> None:
    rule = CountryRule(weekly={local_day.weekday(): (Hours(0, 1440),)})
    rules = Law(countries={"FI": rule}, calendar=NoHolidays())
    assert isinstance(verdict(rules, at, zone), Open)
    before = datetime.combine(local_day, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
    assert verdict(rules, at, zone) == Open(before + timedelta(days=1))


def test_a_midnight_the_clock_skips() -> None:
    """In Beirut 2026-03-29 begins at 01:00, which is 22:00 UTC of the day before."""
    rules = law(("00:00", "02:00"))
    assert verdict(rules, "2026-03-28 21:59", "Asia/Beirut") == Closed(
        "outside calling hours", utc("2026-03-28 22:00")
    )
    assert verdict(rules, "2026-03-28 22:00", "Asia/Beirut") == Open(utc("2026-03-28 23:00"))


def test_a_day_the_calendar_skips() -> None:
    """Samoa had no 30th of December 2011."""
    rule = CountryRule(weekly={date(2011, 12, 30).weekday(): (Hours(0, 1440),)})
    rules = Law(countries={"FI": rule}, calendar=NoHolidays())
    opened = rules.next_open(a_contact(zone="Pacific/Apia"), "support", utc("2011-12-29 12:00"))
    assert opened == utc("2012-01-05 10:00")


def test_a_public_holiday() -> None:
    contact = a_contact()
    rule = CountryRule(weekly=dict.fromkeys(DAYS, (Hours(540, 1020),)))
    closed = Law(countries={"FI": rule}, calendar=HolidaysCalendar())
    shorter = Law(
        countries={"FI": CountryRule(weekly=rule.weekly, holidays=(Hours(0, 660),))},
        calendar=HolidaysCalendar(),
    )
    christmas = utc("2026-12-25 08:00")
    shut = closed.allows(contact, "support", christmas)
    assert isinstance(shut, Closed)
    assert shut.reason.startswith("public holiday: ")
    assert shut.opens_at == utc("2026-12-27 07:00")
    assert shorter.allows(contact, "support", christmas) == Open(utc("2026-12-25 09:00"))


def test_a_holiday_of_one_part_of_a_country() -> None:
    rule = CountryRule(weekly=dict.fromkeys(DAYS, (Hours(540, 1020),)))
    rules = Law(countries={"DE": rule}, calendar=HolidaysCalendar())
    epiphany = utc("2026-01-06 10:00")
    for part, allowed in (("BY", False), ("DE-BY", False), ("BE", True), (None, True)):
        contact = a_contact(country="DE", zone="Europe/Berlin", subdivision=part)
        assert isinstance(rules.allows(contact, "support", epiphany), Open) is allowed


def test_a_part_nobody_knows_is_not_called() -> None:
    rule = CountryRule(weekly=dict.fromkeys(DAYS, (Hours(540, 1020),)))
    rules = Law(countries={"DE": rule}, calendar=HolidaysCalendar())
    contact = a_contact(country="DE", zone="Europe/Berlin", subdivision="Atlantis")
    shut = rules.allows(contact, "support", NOW)
    assert isinstance(shut, Closed)
    assert "Atlantis" in shut.reason
    assert shut.opens_at is None


def wish(*weekdays: int, start: str, end: str) -> PreferredWindow:
    return PreferredWindow(
        weekdays=frozenset(weekdays), start_minute=minutes(start), end_minute=minutes(end)
    )


def test_wishes_and_business_hours_narrow_the_law() -> None:
    rules = law(("08:00", "20:00"), queues={"support": dict.fromkeys(DAYS, (Hours(600, 960),))})
    contact, at = a_contact(), utc("2026-03-10 08:00")  # Tuesday, ten o'clock there
    assert rules.allows(contact, "support", at) == Open(utc("2026-03-10 14:00"))
    assert rules.allows(contact, "other", at) == Open(utc("2026-03-10 18:00"))
    early, late = wish(2, start="07:00", end="10:30"), wish(2, start="15:00", end="18:00")
    assert rules.allows(contact, "support", at, [late, early]) == Closed(
        "outside the contact's preferred times", utc("2026-03-11 08:00")
    )
    assert rules.next_open(contact, "support", utc("2026-03-11 08:30"), [late, early]) == utc(
        "2026-03-11 13:00"
    )
    assert rules.allows(contact, "support", utc("2026-03-10 15:00")) == Closed(
        "outside the business hours of the queue", utc("2026-03-11 08:00")
    )


def test_wishes_do_not_bind_where_the_queue_says_so() -> None:
    rules = law(("08:00", "20:00"), soft_wishes=frozenset({"support"}))
    never = wish(6, start="03:00", end="04:00")
    assert isinstance(rules.allows(a_contact(), "support", NOW, [never]), Open)
    assert isinstance(rules.allows(a_contact(), "other", NOW, [never]), Closed)


def test_a_wish_that_is_never_allowed() -> None:
    shut = law(("08:00", "20:00")).allows(
        a_contact(), "support", NOW, [wish(*DAYS, start="03:00", end="04:00")]
    )
    assert shut == Closed("outside the contact's preferred times", None)


@pytest.mark.parametrize("zone", [None, "", "Europe/Atlantis", "../etc/passwd", "Europe", "\0"])
def test_an_unknown_zone_means_no_call(zone: str | None) -> None:
    shut = law(("00:00", "24:00")).allows(a_contact(zone=zone), "support", NOW)
    assert isinstance(shut, Closed)
    assert shut.reason.startswith("time zone unknown")
    assert shut.opens_at is None
    assert parse_zone(zone) is None


def test_an_unknown_country_means_no_call() -> None:
    rules = law(("00:00", "24:00"))
    for country, shown in (("QQ", "QQ"), (None, "unknown")):
        shut = rules.allows(a_contact(country=country), "support", NOW)
        assert shut == Closed(f"no calling rule for country {shown}", None)


def test_one_rule_for_every_country() -> None:
    rule = CountryRule(weekly=dict.fromkeys(DAYS, (Hours(0, 1440),)))
    rules = Law(countries={"*": rule}, calendar=NoHolidays())
    assert isinstance(rules.allows(a_contact(country=None), "support", NOW), Open)
