"""When a call is allowed: the law of the contact's country, the business, the contact's wishes.

All rules are in the contact's local wall time; instants in and out are UTC. A rule that cannot be
evaluated (unknown zone, unknown country) means "do not call", with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.domain.model import Contact, PreferredWindow

__all__ = [
    "Closed",
    "CountryRule",
    "HolidayCalendar",
    "Hours",
    "Law",
    "Open",
    "WeeklyHours",
    "parse_zone",
]

_DAY = timedelta(days=1)
_HORIZON_DAYS = 62


class HolidayCalendar(Protocol):
    """Tells public holidays."""

    def holiday(self, country: str, subdivision: str | None, day: date) -> str | None:
        """Return the name of the public holiday on this local day, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Hours:
    """Local minutes of a day from ``start`` (inclusive) to ``end`` (exclusive, up to 1440)."""

    start: int
    end: int


WeeklyHours = Mapping[int, Sequence[Hours]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryRule:
    """What a country allows: hours by weekday (0 Monday), holidays, caps.

    ``holidays`` replaces the weekday's hours on a public holiday (empty: no calls).
    ``source`` says where the rule comes from.
    """

    weekly: WeeklyHours
    holidays: Sequence[Hours] = ()
    cap_day: int = 3
    cap_week: int = 7
    min_gap: float = 4 * 3600.0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """A call is allowed now, until ``until`` (UTC)."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Closed:
    """No call now. ``opens_at`` (UTC) is the next allowed instant; None: not in sight."""

    reason: str
    opens_at: datetime | None


def parse_zone(name: str | None) -> ZoneInfo | None:
    """Return the zone of an IANA name, or None if there is no such zone."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _intersect(left: Iterable[Hours], right: Iterable[Hours]) -> list[Hours]:
    right = list(right)
    both = [Hours(max(a.start, b.start), min(a.end, b.end)) for a in left for b in right]
    return sorted((hours for hours in both if hours.start < hours.end), key=lambda h: h.start)


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Turn a local minute of a day into UTC; a minute the clock skips moves to after the gap."""
    if minute >= 24 * 60:
        day, minute = day + _DAY, minute - 24 * 60
    local = datetime.combine(day, time(minute // 60, minute % 60), zone)
    return local.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """Every rule about when to call, compiled.

    ``queues`` are business hours by queue, in the contact's local time; a queue without hours is
    always open. ``countries`` is keyed by ISO 3166 alpha-2; ``"*"`` is used for any country where
    present (the practice profile's always-open rule).
    """

    countries: Mapping[str, CountryRule]
    calendar: HolidayCalendar
    queues: Mapping[str, WeeklyHours] = field(default_factory=dict)

    def rule(self, contact: Contact) -> CountryRule | None:
        """Return the rule of the contact's country, or None if it has none."""
        return self.countries.get(contact.country or "") or self.countries.get("*")

    def allows(
        self,
        contact: Contact,
        queue: str,
        now: datetime,
        preferred: Sequence[PreferredWindow] = (),
    ) -> Open | Closed:
        """Say whether ``contact`` may be called at ``now`` (UTC), and until or from when."""
        zone = parse_zone(contact.zone)
        if zone is None:
            return Closed(f"time zone unknown ({contact.zone or 'none'})", None)
        rule = self.rule(contact)
        if rule is None:
            return Closed(f"no calling rule for country {contact.country or 'unknown'}", None)
        first = now.astimezone(zone).date() - _DAY
        reason = ""
        for offset in range(_HORIZON_DAYS):
            day = first + offset * _DAY
            hours, why = self._hours(rule, contact, queue, day, preferred)
            if day == now.astimezone(zone).date():
                reason = why or "outside calling hours"
            for span in hours:
                start, end = _instant(day, span.start, zone), _instant(day, span.end, zone)
                if start <= now < end:
                    return Open(end)
                if start > now and start < end:
                    return Closed(reason or "outside calling hours", start)
        return Closed(reason or "no allowed time in sight", None)

    def next_open(
        self,
        contact: Contact,
        queue: str,
        earliest: datetime,
        preferred: Sequence[PreferredWindow] = (),
    ) -> datetime | None:
        """Return the first allowed instant at or after ``earliest`` (UTC), or None."""
        verdict = self.allows(contact, queue, earliest, preferred)
        return earliest if isinstance(verdict, Open) else verdict.opens_at

    def _hours(
        self,
        rule: CountryRule,
        contact: Contact,
        queue: str,
        day: date,
        preferred: Sequence[PreferredWindow],
    ) -> tuple[list[Hours], str]:
        hours, why = list(rule.weekly.get(day.weekday(), ())), ""
        name = contact.country and self.calendar.holiday(contact.country, contact.subdivision, day)
        if name:
            hours, why = _intersect(hours, rule.holidays), f"public holiday: {name}"
        if queue in self.queues:
            hours = _intersect(hours, self.queues[queue].get(day.weekday(), ()))
        if preferred:
            wishes = [
                Hours(wish.start_minute, wish.end_minute)
                for wish in preferred
                if day.weekday() in wish.weekdays
            ]
            hours = _intersect(hours, wishes)
        return hours, why
