"""Public holidays of countries and their parts, as the ``holidays`` package knows them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date

import holidays

from gateway.domain.errors import BadInput

__all__ = ["HolidaysCalendar"]

_ANY_YEAR = 2026


class HolidaysCalendar:
    """The ``HolidayCalendar`` of a running gateway; each year of a place is computed once.

    A subdivision is an ISO 3166-2 code with or without the country (``BY``, ``DE-BY``) or a name
    the package knows (``Bavaria``). What is not known is never silently taken for the country as a
    whole, for that could allow a call on a holiday.
    """

    def __init__(self) -> None:
        self._years: dict[tuple[str, str | None, int], Mapping[date, str]] = {}
        self._known: Mapping[str, list[str]] = holidays.list_supported_countries()

    def holiday(self, country: str, subdivision: str | None, day: date) -> str | None:
        """Return the name of the public holiday on this local day, or None. Raises BadInput."""
        key = (country, subdivision, day.year)
        year = self._years.get(key)
        if year is None:
            year = self._years[key] = self._compute(country, subdivision, day.year)
        return year.get(day)

    def check(self, country: str, subdivision: str | None = None) -> None:
        """Raise BadInput, saying what is known, if there is no calendar for this place."""
        if country not in self._known:
            raise BadInput(
                "country",
                "there is no holiday calendar for it",
                value=country,
                remedy="use an ISO 3166 code of two capital letters, such as FI",
            )
        if subdivision is not None:
            self._compute(country, subdivision, _ANY_YEAR)

    def _compute(self, country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
        if country not in self._known:
            self.check(country)
        part = None if subdivision is None else subdivision.removeprefix(f"{country}-")
        if part == "":
            raise self._unknown(country, subdivision)
        try:
            # The language is said, or else the environment of the process would choose it.
            found = holidays.country_holidays(country, subdiv=part, years=year, language="en_US")
        except NotImplementedError:
            raise self._unknown(country, subdivision) from None
        return dict(found.items())

    def _unknown(self, country: str, subdivision: str | None) -> BadInput:
        known = self._known[country]
        close = difflib.get_close_matches(str(subdivision).upper(), known, n=1)
        shown = f"did you mean {close[0]}?" if close else f"known are: {', '.join(known) or 'none'}"
        problem = f"{country} has no such part with holidays of its own"
        return BadInput("subdivision", problem, value=str(subdivision)[:20], remedy=shown)
