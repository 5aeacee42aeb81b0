"""Small builders of domain values: sensible defaults, anything can be said otherwise by name.

The story they tell: Kaisa in Helsinki asked on a Tuesday morning to be called back, and it is now
ten in the morning of that Tuesday.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.domain.change import Candidate
from gateway.domain.disposition import Disposition
from gateway.domain.events import CallEvent, CallNews
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import (
    Attempt,
    Callback,
    Contact,
    Evidence,
    Flight,
    Leg,
    Number,
    Plan,
    Role,
)
from gateway.domain.reserve import Terms
from gateway.domain.windows import CountryRule, Hours, Law, WeeklyHours

__all__ = [
    "NOW",
    "NUMBER",
    "OTHER_NUMBER",
    "Counter",
    "NoHolidays",
    "a_callback",
    "a_candidate",
    "a_contact",
    "a_flight",
    "a_law",
    "a_leg",
    "a_plan",
    "after",
    "an_attempt",
    "news",
    "terms",
]

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
"""Tuesday, ten in the morning in Helsinki."""
NUMBER = "+358401234567"
OTHER_NUMBER = "+358501234589"

_OFFICE_HOURS: WeeklyHours = {day: (Hours(8 * 60, 20 * 60),) for day in range(5)}


def after(seconds: float) -> datetime:
    """Return the instant this many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def a_contact(*numbers: str, **changes: Any) -> Contact:
    """Build Kaisa, with these numbers (default: NUMBER)."""
    contact = Contact(
        id="contact-1",
        numbers=tuple(Number(e164=one) for one in numbers or (NUMBER,)),
        name="Kaisa",
        zone="Europe/Helsinki",
        country="FI",
    )
    return replace(contact, **changes)


def a_plan(**changes: Any) -> Plan:
    """Build a rule's plan to call at NOW."""
    plan = Plan(
        due_at=NOW, number=NUMBER, decider="rule:default@1", reasons=("first try",), made_at=NOW
    )
    return replace(plan, **changes)


def a_callback(**changes: Any) -> Callback:
    """Build a callback that is due at NOW and may be tried for three days."""
    callback = Callback(
        id="callback-1",
        contact_id="contact-1",
        queue="support",
        requested_at=after(-600),
        deadline=NOW + timedelta(days=3),
        state=CallbackState.SCHEDULED,
        due_at=NOW,
        plan=a_plan(),
    )
    return replace(callback, **changes)


def an_attempt(**changes: Any) -> Attempt:
    """Build the callback's first attempt, open."""
    attempt = Attempt(
        id="attempt-1",
        callback_id="callback-1",
        contact_id="contact-1",
        n=1,
        number=NUMBER,
        reserved_at=NOW,
        min_gap=4 * 3600.0,
    )
    return replace(attempt, **changes)


def a_leg(**changes: Any) -> Leg:
    """Build the attempt's first leg: to the customer, written to the wire, nothing heard yet.

    Said to be RESERVED, it has not been written to the wire.
    """
    role, n = changes.get("role", Role.CUSTOMER), changes.get("n", 1)
    leg = Leg(
        id=f"{role}-leg-{n}-".ljust(32, "0"),
        attempt_id="attempt-1",
        callback_id="callback-1",
        n=n,
        role=role,
        carrier="pbx",
        target=NUMBER if role is Role.CUSTOMER else "PJSIP/anna",
        state=LegState.SENDING,
        node="node-1",
        reserved_at=NOW,
        resolve_by=after(120),
        boot_epoch="epoch-1",
        sending_at=None if changes.get("state") is LegState.RESERVED else NOW,
    )
    return replace(leg, **changes)


def a_flight(*legs: Leg, **changes: Any) -> Flight:
    """Build a flight of these legs (default: one customer leg that was sent)."""
    flight = Flight(
        contact=a_contact(),
        callback=a_callback(state=CallbackState.DIALING, due_at=None, attempts=1),
        attempt=an_attempt(placed_at=NOW),
        legs=legs or (a_leg(),),
    )
    return replace(flight, **changes)


def news(
    leg: Leg,
    kind: CallNews,
    seconds: float = 1.0,
    *,
    disposition: Disposition | None = None,
    evidence: Evidence | None = None,
    channel: str = "",
) -> CallEvent:
    """Build one piece of news of a leg, ``seconds`` after NOW."""
    return CallEvent(
        leg_id=leg.id,
        at=after(seconds),
        news=kind,
        disposition=disposition,
        evidence=evidence or Evidence(),
        channel=channel,
    )


class NoHolidays:
    """A calendar without holidays, or with these: local days and what is celebrated on them."""

    def __init__(self, days: Mapping[date, str] | None = None) -> None:
        self._days = dict(days or {})

    def holiday(self, country: str, subdivision: str | None, day: date) -> str | None:
        return self._days.get(day)


def a_law(**changes: Any) -> Law:
    """Build a law: in Finland on weekdays from eight to eight, three a day, seven a week."""
    law = Law(countries={"FI": CountryRule(weekly=_OFFICE_HOURS)}, calendar=NoHolidays())
    return replace(law, **changes)


class Counter:
    """Gives out ids that count up: ``attempt-1``, a leg's padded to 32 characters."""

    def __init__(self) -> None:
        self._numbers: dict[str, Iterator[int]] = {}

    def _next(self, kind: str) -> str:
        numbers = self._numbers.setdefault(kind, iter(range(1, 1_000_000)))
        return f"{kind}-{next(numbers)}"

    def callback_id(self) -> str:
        return self._next("callback")

    def contact_id(self) -> str:
        return self._next("contact")

    def attempt_id(self) -> str:
        return self._next("attempt")

    def leg_id(self) -> str:
        return self._next("leg").ljust(32, "x")


def a_candidate(**changes: Any) -> Candidate:
    """Build the due callback as the claim sees it."""
    return replace(Candidate(contact=a_contact(), callback=a_callback(), carrier="pbx"), **changes)


def terms(**changes: Any) -> Terms:
    """Build the terms of a reservation at NOW: no queue calls an agent first."""
    usual = Terms(
        now=NOW,
        node="node-1",
        law=a_law(),
        ids=Counter(),
        resolve_after=120.0,
        epochs={"pbx": "epoch-1"},
        agents={},
    )
    return replace(usual, **changes)
