"""How values look to people and to machines, with personal data masked unless it is asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.values import DAYS
from gateway.domain.disposition import Disposition
from gateway.domain.machine import CallbackState
from gateway.domain.model import (
    Attempt,
    Callback,
    Contact,
    Evidence,
    Leg,
    Plan,
    PreferredWindow,
    mask,
)
from gateway.domain.windows import parse_zone
from gateway.observability import redact_text
from gateway.ports import History

__all__ = [
    "DISPOSITION_STYLE",
    "STATE_STYLE",
    "callback_json",
    "evidence_text",
    "history_json",
    "moment",
    "number_text",
    "span_text",
    "window_text",
    "zone_of",
]

_D, _S = Disposition, CallbackState
STATE_STYLE: Final[dict[str, str]] = {
    _S.SCHEDULED: "cyan",
    _S.DIALING: "yellow",
    _S.DONE: "green",
    _S.EXHAUSTED: "magenta",
    _S.EXPIRED: "red",
    _S.CANCELED: "dim",
    _S.BLOCKED: "red",
}
"""How each state of a callback is coloured."""

DISPOSITION_STYLE: Final[dict[str, str]] = {
    _D.ANSWERED_HUMAN: "green",
    _D.ANSWERED_MACHINE: "blue",
    _D.INVALID_NUMBER: "red",
    _D.FAILED: "red",
    _D.CONGESTION: "red",
    _D.UNRESOLVED: "red",
    _D.ABANDONED: "red",
}
"""How dispositions that stand out are coloured."""

_HOUR: Final = 3600
_MINUTE: Final = 60
_NOT_BEGUN: Final = "the PBX could not begin the call: does it know the trunk in `channel`?"


def zone_of(contact: Contact) -> ZoneInfo | None:
    """Return the contact's zone; None if it is not known, and UTC is shown."""
    return parse_zone(contact.zone)


def moment(at: datetime | None, zone: ZoneInfo | None, form: str = "%a %d %b %Y %H:%M:%S") -> str:
    """Write an instant in a zone; empty for none."""
    return at.astimezone(zone or UTC).strftime(form) if at is not None else ""


def span_text(seconds: float) -> str:
    """Write a duration as people say it: ``0.3 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:  # noqa: PLR2004 -- where tenths matter
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 2 * _MINUTE:
        return f"{whole} s"
    if whole < 2 * _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def number_text(number: str, *, reveal: bool) -> str:
    """Write a number, masked unless it is to be revealed."""
    return number if reveal else mask(number)


def window_text(window: PreferredWindow) -> str:
    """Write a preferred window as it is written in files."""
    days = ",".join(DAYS[day] for day in sorted(window.weekdays))
    start, end = divmod(window.start_minute, 60), divmod(window.end_minute, 60)
    return f"{days} {start[0]:02}:{start[1]:02}-{end[0]:02}:{end[1]:02}"


def evidence_text(evidence: Evidence) -> str:
    """Write down what the carrier said."""
    told = [
        f"SIP {evidence.tech_cause}" if evidence.tech_cause else "",
        f"cause {evidence.cause}" if evidence.cause is not None else "",
        evidence.dial_status,
        f"AMD {evidence.amd}" if evidence.amd else "",
        f"reason {evidence.reason}" if evidence.reason.isdigit() else evidence.reason,
        f"from {evidence.source}" if evidence.source else "",
    ]
    heard = evidence.tech_cause or evidence.cause or evidence.dial_status
    if evidence.reason == "0" and not heard:
        told.append(_NOT_BEGUN)
    return ", ".join(filter(None, told))


def _text(text: str, *, reveal: bool) -> str:
    return text if reveal else redact_text(text)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def callback_json(callback: Callback, contact: Contact, *, reveal: bool) -> dict[str, Any]:
    """Return the machine's form of one callback."""
    plan = callback.plan
    return {
        "id": callback.id,
        "state": callback.state.value,
        "state_reason": callback.state_reason,
        "queue": callback.queue,
        "reason": callback.reason if reveal else None,
        "outcome": callback.outcome and callback.outcome.value,
        "requested_at": _iso(callback.requested_at),
        "deadline": _iso(callback.deadline),
        "due_at": _iso(callback.due_at),
        "closed_at": _iso(callback.closed_at),
        "attempts": callback.attempts,
        "attempts_used": callback.used,
        "worth": callback.worth,
        "cohort": callback.cohort.value,
        "source": callback.source,
        "preferred": [window_text(one) for one in callback.preferred],
        "cancel_requested": callback.cancel_requested,
        "plan": plan and _plan_json(plan, reveal=reveal),
        "contact": _contact_json(contact, reveal=reveal),
    }


def _plan_json(plan: Plan, *, reveal: bool) -> dict[str, Any]:
    return {
        "due_at": _iso(plan.due_at),
        "number": number_text(plan.number, reveal=reveal),
        "decider": plan.decider,
        "reasons": list(plan.reasons),
        "probability": plan.probability,
        "value": plan.value,
    }


def _contact_json(contact: Contact, *, reveal: bool) -> dict[str, Any]:
    numbers = [
        {"number": number_text(one.e164, reveal=reveal), "invalid_since": _iso(one.invalid_since)}
        for one in contact.numbers
    ]
    return {
        "id": contact.id,
        "name": contact.name if reveal else None,
        "numbers": numbers,
        "zone": contact.zone,
        "country": contact.country,
        "subdivision": contact.subdivision,
    }


def history_json(history: History, *, reveal: bool) -> dict[str, Any]:
    """Return the machine's form of the whole way of one callback."""
    return {
        **callback_json(history.callback, history.contact, reveal=reveal),
        "tries": [_attempt_json(one, history.legs, reveal=reveal) for one in history.attempts],
        "steps": [
            {
                "at": _iso(step.at),
                "kind": step.kind,
                "text": _text(step.text, reveal=reveal),
                "attempt_id": step.attempt_id,
                "leg_id": step.leg_id,
                "data": step.data,
            }
            for step in history.steps
        ],
    }


def _attempt_json(attempt: Attempt, legs: tuple[Leg, ...], *, reveal: bool) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "n": attempt.n,
        "number": number_text(attempt.number, reveal=reveal),
        "reserved_at": _iso(attempt.reserved_at),
        "placed_at": _iso(attempt.placed_at),
        "closed_at": _iso(attempt.closed_at),
        "disposition": attempt.disposition and attempt.disposition.value,
        "talk_seconds": attempt.talk_seconds,
        "legs": [_leg_json(leg) for leg in legs if leg.attempt_id == attempt.id],
    }


def _leg_json(leg: Leg) -> dict[str, Any]:
    seen = leg.evidence
    return {
        "id": leg.id,
        "role": leg.role.value,
        "carrier": leg.carrier,
        "state": leg.state.value,
        "disposition": leg.disposition and leg.disposition.value,
        "sending_at": _iso(leg.sending_at),
        "ringing_at": _iso(leg.ringing_at),
        "answered_at": _iso(leg.answered_at),
        "connected_at": _iso(leg.connected_at),
        "ended_at": _iso(leg.ended_at),
        "evidence": {
            "source": seen.source,
            "cause": seen.cause,
            "tech_cause": seen.tech_cause,
            "dial_status": seen.dial_status,
            "amd": seen.amd,
            "reason": seen.reason,
        },
    }
