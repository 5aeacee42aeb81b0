"""Which time zones show the same time, so that many names for one clock count as one.

The tables of number ranges name a zone for each part of the world a number may be in, also where
those parts have one clock: Helsinki and Mariehamn. Only zones whose clocks differ make it uncertain
what time it is for the contact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

__all__ = ["distinct_clocks"]

# Two years show every rule that is in force; four looks a day see every change of the clock.
_START = datetime(2025, 1, 1, tzinfo=UTC)
_LOOKS, _APART = 2 * 365 * 4, timedelta(hours=6)


def distinct_clocks(zones: Sequence[str], country: str | None) -> tuple[str, ...]:
    """Return one zone for each different clock, by preference a zone of ``country`` itself.

    Names that are no zone (``Etc/Unknown``) are left out.
    """
    return _distinct(tuple(zones), country)


@lru_cache(maxsize=4096)
def _distinct(zones: tuple[str, ...], country: str | None) -> tuple[str, ...]:
    home = _zones_of(country or "")
    found: dict[tuple[timedelta | None, ...], str] = {}
    for zone in (*(one for one in zones if one in home), *home, *zones):
        clock = _clock(zone)
        if clock is not None:
            found.setdefault(clock, zone)
    wanted = [_clock(zone) for zone in zones]
    return tuple(zone for clock, zone in found.items() if clock in wanted)


@cache
def _clock(zone: str) -> tuple[timedelta | None, ...] | None:
    try:
        info = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return None
    return tuple((_START + n * _APART).astimezone(info).utcoffset() for n in range(_LOOKS))


@cache
def _zones_of(country: str) -> tuple[str, ...]:
    """Return a country's zones, the most populous first, as the tz database lists them."""
    lines = files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return tuple(row[2] for row in rows if row[0] == country)
