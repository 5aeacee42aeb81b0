"""Public holidays by country and part of a country."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.calendar import HolidaysCalendar
from config.countries import load_countries
from gateway.domain.errors import BadInput

EPIPHANY = date(2026, 1, 6)


@pytest.mark.parametrize(
    ("country", "part", "day", "name"),
    [
        ("FI", None, date(2026, 12, 6), "Independence Day"),
        ("FI", None, date(2026, 12, 7), None),
        ("DE", None, EPIPHANY, None),
        ("DE", "BY", EPIPHANY, "Epiphany"),
        ("DE", "DE-BY", EPIPHANY, "Epiphany"),
        ("GB", "SCT", date(2026, 11, 30), "Saint Andrew's Day"),
        ("GB", None, date(2026, 11, 30), None),
        ("US", None, date(2027, 12, 31), "New Year's Day (observed)"),
    ],
)
def test_holidays(country: str, part: str | None, day: date, name: str | None) -> None:
    assert HolidaysCalendar().holiday(country, part, day) == name


@pytest.mark.parametrize(
    ("country", "part", "field", "hint"),
    [
        ("QQ", None, "country", "ISO 3166"),
        ("fi", None, "country", "ISO 3166"),
        ("DE", "BYY", "subdivision", "did you mean BY?"),
        ("DE", "Atlantis", "subdivision", "known are: BB, BE"),
        ("DE", "", "subdivision", "known are: "),
        ("DE", "DE-", "subdivision", "known are: "),
        ("EE", "X", "subdivision", "known are: none"),
    ],
)
def test_an_unknown_place_is_never_passed_over(
    country: str, part: str | None, field: str, hint: str
) -> None:
    calendar = HolidaysCalendar()
    with pytest.raises(BadInput) as asked:
        calendar.holiday(country, part, EPIPHANY)
    with pytest.raises(BadInput) as checked:
        calendar.check(country, part)
    assert asked.value.field == checked.value.field == field
    assert hint in str(asked.value)
    assert str(asked.value) == str(checked.value)


def test_a_known_place_passes_the_check() -> None:
    HolidaysCalendar().check("FI")
    HolidaysCalendar().check("DE", "DE-BY")


def test_there_is_a_calendar_for_every_country_with_a_rule() -> None:
    calendar = HolidaysCalendar()
    for country in load_countries().countries:
        days = [date(2026, month, day) for month in range(1, 13) for day in range(1, 29)]
        assert any(calendar.holiday(country, None, day) for day in days), country
