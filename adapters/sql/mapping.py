"""From domain values to rows, by hand: a field that is forgotten here is a red test.

The way back is :mod:`adapters.sql.values`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.domain.change import Change
from gateway.domain.errors import BadInput
from gateway.domain.model import Attempt, Callback, Contact, Evidence, Guard, Leg, Plan, Step

__all__ = [
    "EPOCH",
    "Prepared",
    "Values",
    "callback_row",
    "contact_row",
    "day",
    "guard_row",
    "micros",
    "micros_or_none",
    "number_rows",
    "prepare",
    "step_row",
    "storable",
]

Values = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000


def micros(at: datetime) -> int:
    """Return an aware instant as microseconds since 1970; raises BadInput for a naive one."""
    if at.tzinfo is None:
        raise BadInput("time", "an instant without its zone cannot be kept", value=str(at))
    delta = at - EPOCH
    return delta.days * _DAY + delta.seconds * 1_000_000 + delta.microseconds


def day(at: datetime) -> int:
    """Return the day of an instant, counted from 1970 in UTC."""
    return micros(at) // _DAY


def micros_or_none(at: datetime | None) -> int | None:
    """Return the same for an instant that may be missing."""
    return None if at is None else micros(at)


_HALF = re.compile("[\ud800-\udfff]")
# Made once: json.dumps with arguments makes one for each call.
_json = json.JSONEncoder(separators=(",", ":"), default=str).encode


def storable(row: Values) -> Values:
    """Return the row, or raise BadInput naming a field that no database takes."""
    for name, value in row.items():
        if isinstance(value, str):
            if not value.isascii() and _HALF.search(value):
                raise BadInput(name, "half a character cannot be kept")
            if "\0" in value:
                raise BadInput(name, "a zero character cannot be kept")
        elif isinstance(value, float) and not math.isfinite(value):
            raise BadInput(name, "is not a finite number")
    return row


# Values to rows


def contact_row(contact: Contact) -> Values:
    return storable(
        {
            "id": contact.id,
            "name": contact.name,
            "zone": contact.zone,
            "country": contact.country,
            "subdivision": contact.subdivision,
            "language": contact.language,
            "industry": contact.industry,
            "segment": contact.segment,
        }
    )


def number_rows(contact: Contact) -> list[Values]:
    return [
        storable(
            {
                "contact_id": contact.id,
                "position": position,
                "e164": number.e164,
                "invalid_since": micros_or_none(number.invalid_since),
            }
        )
        for position, number in enumerate(contact.numbers)
    ]


def callback_row(callback: Callback) -> Values:
    preferred = [
        [sorted(one.weekdays), one.start_minute, one.end_minute] for one in callback.preferred
    ]
    return storable(
        {
            "id": callback.id,
            "contact_id": callback.contact_id,
            "queue": callback.queue,
            "requested_at": micros(callback.requested_at),
            "requested_day": day(callback.requested_at),
            "deadline": micros(callback.deadline),
            "state": callback.state.value,
            "state_reason": callback.state_reason,
            "due_at": micros_or_none(callback.due_at),
            "plan": _plan_json(callback.plan),
            "reason": callback.reason,
            "preferred": _json(preferred),
            "worth": callback.worth,
            "cohort": callback.cohort.value,
            "source": callback.source,
            "idempotency_key": callback.idempotency_key,
            "attempts": callback.attempts,
            "used": callback.used,
            "cancel_requested": callback.cancel_requested,
            "answered_late": callback.answered_late,
            "outcome": callback.outcome.value if callback.outcome else None,
            "closed_at": micros_or_none(callback.closed_at),
            "version": callback.version,
            "legal_basis": callback.legal_basis,
        }
    )


def _plan_json(plan: Plan | None) -> str | None:
    if plan is None:
        return None
    return _json(
        {
            "due_at": micros(plan.due_at),
            "number": plan.number,
            "decider": plan.decider,
            "reasons": plan.reasons,
            "made_at": micros(plan.made_at),
            "probability": plan.probability,
            "value": plan.value,
            "any_time": plan.any_time,
        }
    )


def _attempt_row(attempt: Attempt) -> Values:
    return storable(
        {
            "id": attempt.id,
            "callback_id": attempt.callback_id,
            "contact_id": attempt.contact_id,
            "n": attempt.n,
            "number": attempt.number,
            "reserved_at": micros(attempt.reserved_at),
            "min_gap": attempt.min_gap,
            "placed_at": micros_or_none(attempt.placed_at),
            "closed_at": micros_or_none(attempt.closed_at),
            "disposition": attempt.disposition.value if attempt.disposition else None,
            "talk_seconds": attempt.talk_seconds,
        }
    )


def _leg_row(leg: Leg) -> Values:
    return storable(
        {
            "id": leg.id,
            "attempt_id": leg.attempt_id,
            "callback_id": leg.callback_id,
            "n": leg.n,
            "role": leg.role.value,
            "carrier": leg.carrier,
            "target": leg.target,
            "state": leg.state.value,
            "node": leg.node,
            "reserved_at": micros(leg.reserved_at),
            "resolve_by": micros(leg.resolve_by),
            "boot_epoch": leg.boot_epoch,
            "sending_at": micros_or_none(leg.sending_at),
            "ringing_at": micros_or_none(leg.ringing_at),
            "answered_at": micros_or_none(leg.answered_at),
            "connected_at": micros_or_none(leg.connected_at),
            "ended_at": micros_or_none(leg.ended_at),
            "channel": leg.channel,
            "disposition": leg.disposition.value if leg.disposition else None,
            "evidence": _evidence_json(leg.evidence),
        }
    )


def _evidence_json(evidence: Evidence) -> str:
    return _json(
        {
            "source": evidence.source,
            "cause": evidence.cause,
            "tech_cause": evidence.tech_cause,
            "dial_status": evidence.dial_status,
            "reason": evidence.reason,
            "amd": evidence.amd,
        }
    )


def guard_row(guard: Guard) -> Values:
    return storable(
        {
            "key": guard.key,
            "recent": _json([micros(at) for at in guard.recent]),
            "next_allowed_at": micros_or_none(guard.next_allowed_at),
            "day": guard.day,
            "n_day": guard.n_day,
            "cap_day": guard.cap_day,
            "n_week": guard.n_week,
            "cap_week": guard.cap_week,
            "min_gap": guard.min_gap,
        }
    )


def step_row(step: Step) -> Values:
    return storable(
        {
            "callback_id": step.callback_id,
            "at": micros(step.at),
            "kind": step.kind,
            "text": step.text,
            "attempt_id": step.attempt_id,
            "leg_id": step.leg_id,
            "data": _json(step.data),
        }
    )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change as rows. Guards stay values: refunds compute with them inside the transaction."""

    callback: Values | None
    attempt: Values | None
    legs: Sequence[Values]
    guards: Sequence[Guard]
    refunds: Sequence[tuple[str, datetime]]
    invalid: Sequence[Values]
    steps: Sequence[Values]


def prepare(change: Change) -> Prepared:
    """Turn a change into rows; raises BadInput for what no database takes."""
    for guard in change.guards:
        guard_row(guard)
    named = [one.callback_id for one in (change.attempt, *change.legs) if one is not None]
    named = [change.callback.id] if change.callback else named
    at = micros(change.at)
    return Prepared(
        callback=callback_row(change.callback) if change.callback else None,
        attempt=_attempt_row(change.attempt) if change.attempt else None,
        legs=[_leg_row(leg) for leg in change.legs],
        guards=change.guards,
        refunds=change.refunds,
        invalid=[
            {"cb": name, "no": no, "at": at} for name in named[:1] for no in change.invalid_numbers
        ],
        steps=[step_row(step) for step in change.steps],
    )
