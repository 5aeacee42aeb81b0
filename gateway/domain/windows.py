"""When a call is allowed: the law of the contact's country, the business, the contact's wishes.

All rules are in the contact's local wall time; instants in and out are UTC. A rule that cannot be
evaluated (unknown zone, unknown country) means "do not call", with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.domain.errors import BadInput
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
_TICK = timedelta(seconds=1)
_HORIZON_DAYS = 62


class HolidayCalendar(Protocol):
    """Tells public holidays."""

    def holiday(self, country: str, subdivision: str | None, day: date) -> str | None:
        """Return the name of the public holiday on this local day, or None.

        Raises BadInput for a country or subdivision it does not know.
        """
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

    ``holidays`` narrows the weekday's hours on a public holiday (empty: no calls).
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


def _stretches(day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime, timedelta]]:
    """Cut a local day into stretches of UTC (from, to) with one offset each, in order of time.

    On all but two days a year that is one stretch. Summer time thus skips and doubles local
    minutes exactly: a rule holds for what the contact's clock shows.
    """
    start, end = (
        datetime.combine(one, datetime.min.time(), zone).astimezone(UTC)
        for one in (day, day + _DAY)
    )
    if start >= end:
        return []  # The zone skipped this day altogether.
    before, after = _offset(start, zone), _offset(end - _TICK, zone)
    if before == after:
        return [(start, end, before)]
    low, high = start, end - _TICK
    while high - low > _TICK:
        middle = low + (high - low) / 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    change = high.replace(microsecond=0)
    return [(start, change, before), (change, end, after)]


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _instants(
    day: date, spans: Sequence[Hours], zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """Turn the spans of a local day into UTC, in order of time."""
    if not spans:
        return
    midnight = datetime.combine(day, datetime.min.time(), UTC)
    in_order = sorted(spans, key=lambda span: span.start)
    for start, end, offset in _stretches(day, zone):
        for span in in_order:
            opens = midnight + timedelta(minutes=span.start) - offset
            closes = midnight + timedelta(minutes=span.end) - offset
            if max(opens, start) < min(closes, end):
                yield max(opens, start), min(closes, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """Every rule about when to call, compiled.

    ``queues`` are business hours by queue, in the contact's local time; a queue without hours is
    always open. ``countries`` is keyed by ISO 3166 alpha-2; ``"*"`` is used for any country where
    present (the practice profile's always-open rule). In the queues of ``soft_wishes`` a contact's
    preferred times do not bind.
    """

    countries: Mapping[str, CountryRule]
    calendar: HolidayCalendar
    queues: Mapping[str, WeeklyHours] = field(default_factory=dict)
    soft_wishes: frozenset[str] = frozenset()

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
        wishes = () if queue in self.soft_wishes else preferred
        local = now.astimezone(zone)
        minute = local.hour * 60 + local.minute
        reason = ""
        try:
            for offset in range(_HORIZON_DAYS):
                day = local.date() + offset * _DAY
                layers = self._layers(rule, contact, queue, day, wishes)
                reason = reason or next(
                    (why for hours, why in layers if not _in(hours, minute)), ""
                )
                for start, end in _instants(day, layers[-1][0], zone):
                    if start <= now < end:
                        return Open(end)
                    if start > now:
                        return Closed(reason, start)
        except BadInput as unknown:
            return Closed(str(unknown), None)
        return Closed(reason, None)

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

    def _layers(
        self,
        rule: CountryRule,
        contact: Contact,
        queue: str,
        day: date,
        preferred: Sequence[PreferredWindow],
    ) -> list[tuple[list[Hours], str]]:
        """Return a day's hours as each rule in turn narrows them, with the reason it would give."""
        hours, why = list(rule.weekly.get(day.weekday(), ())), "outside calling hours"
        name = contact.country and self.calendar.holiday(contact.country, contact.subdivision, day)
        if name:
            hours, why = _intersect(hours, rule.holidays), f"public holiday: {name}"
        layers = [(hours, why)]
        if queue in self.queues:
            hours = _intersect(hours, self.queues[queue].get(day.weekday(), ()))
            layers.append((hours, "outside the business hours of the queue"))
        if preferred:
            wishes = [
                Hours(wish.start_minute, wish.end_minute)
                for wish in preferred
                if day.weekday() in wish.weekdays
            ]
            hours = _intersect(hours, wishes)
            layers.append((hours, "outside the contact's preferred times"))
        return layers


def _in(spans: Iterable[Hours], minute: int) -> bool:
    return any(span.start <= minute < span.end for span in spans)
