"""From rows back to domain values, the counterpart of :mod:`adapters.sql.mapping`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from adapters.sql.mapping import EPOCH
from gateway.domain.disposition import Disposition
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import (
    Attempt,
    Callback,
    Cohort,
    Contact,
    Evidence,
    Guard,
    Leg,
    Number,
    Plan,
    PreferredWindow,
    Role,
    Step,
)

__all__ = [
    "instant",
    "instant_or_none",
    "read_attempt",
    "read_callback",
    "read_contact",
    "read_guard",
    "read_leg",
    "read_number",
    "read_step",
]


def instant(at: int) -> datetime:
    """Return microseconds since 1970 as an instant in UTC."""
    return EPOCH + timedelta(microseconds=at)


def instant_or_none(at: int | None) -> datetime | None:
    """Return the same for a column that may be empty."""
    return None if at is None else instant(at)


def read_number(row: Row[Any]) -> Number:
    return Number(e164=row.e164, invalid_since=instant_or_none(row.invalid_since))


def read_contact(row: Row[Any], numbers: Iterable[Number]) -> Contact:
    return Contact(
        id=row.id,
        numbers=tuple(numbers),
        name=row.name,
        zone=row.zone,
        country=row.country,
        subdivision=row.subdivision,
        language=row.language,
        industry=row.industry,
        segment=row.segment,
    )


def read_callback(row: Row[Any]) -> Callback:
    windows = [] if row.preferred == "[]" else json.loads(row.preferred)
    return Callback(
        id=row.id,
        contact_id=row.contact_id,
        queue=row.queue,
        requested_at=instant(row.requested_at),
        deadline=instant(row.deadline),
        state=CallbackState(row.state),
        state_reason=row.state_reason,
        due_at=instant_or_none(row.due_at),
        plan=_read_plan(json.loads(row.plan)) if row.plan else None,
        reason=row.reason,
        preferred=tuple(
            PreferredWindow(weekdays=frozenset(days), start_minute=start, end_minute=end)
            for days, start, end in windows
        ),
        worth=row.worth,
        cohort=Cohort(row.cohort),
        source=row.source,
        idempotency_key=row.idempotency_key,
        attempts=row.attempts,
        used=row.used,
        cancel_requested=row.cancel_requested,
        answered_late=row.answered_late,
        outcome=_disposition(row.outcome),
        closed_at=instant_or_none(row.closed_at),
        version=row.version,
        legal_basis=row.legal_basis,
    )


def _read_plan(plan: Mapping[str, Any]) -> Plan:
    times = {"due_at": instant(plan["due_at"]), "made_at": instant(plan["made_at"])}
    return Plan(**{**plan, **times, "reasons": tuple(plan["reasons"])})


def _disposition(name: str | None) -> Disposition | None:
    return None if name is None else Disposition(name)


def read_attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        callback_id=row.callback_id,
        contact_id=row.contact_id,
        n=row.n,
        number=row.number,
        reserved_at=instant(row.reserved_at),
        min_gap=row.min_gap,
        placed_at=instant_or_none(row.placed_at),
        closed_at=instant_or_none(row.closed_at),
        disposition=_disposition(row.disposition),
        talk_seconds=row.talk_seconds,
    )


def read_leg(row: Row[Any]) -> Leg:
    return Leg(
        id=row.id,
        attempt_id=row.attempt_id,
        callback_id=row.callback_id,
        n=row.n,
        role=Role(row.role),
        carrier=row.carrier,
        target=row.target,
        state=LegState(row.state),
        node=row.node,
        reserved_at=instant(row.reserved_at),
        resolve_by=instant(row.resolve_by),
        boot_epoch=row.boot_epoch,
        sending_at=instant_or_none(row.sending_at),
        ringing_at=instant_or_none(row.ringing_at),
        answered_at=instant_or_none(row.answered_at),
        connected_at=instant_or_none(row.connected_at),
        ended_at=instant_or_none(row.ended_at),
        channel=row.channel,
        disposition=_disposition(row.disposition),
        evidence=Evidence(**json.loads(row.evidence)),
    )


def read_guard(row: Row[Any]) -> Guard:
    return Guard(
        key=row.key,
        recent=tuple(map(instant, json.loads(row.recent))),
        next_allowed_at=instant_or_none(row.next_allowed_at),
        day=row.day,
        n_day=row.n_day,
        cap_day=row.cap_day,
        n_week=row.n_week,
        cap_week=row.cap_week,
        min_gap=row.min_gap,
    )


def read_step(row: Row[Any]) -> Step:
    return Step(
        callback_id=row.callback_id,
        at=instant(row.at),
        kind=row.kind,
        text=row.text,
        attempt_id=row.attempt_id,
        leg_id=row.leg_id,
        data=json.loads(row.data),
    )
