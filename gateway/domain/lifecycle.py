"""What is told to the outside of a callback's life: from the journal to events, word for word.

The journal is written in the transaction of the change it is about, so whoever reads on from a
place in it misses nothing. Every kind of step has a line here: a type that is told, or none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState, LegState
from gateway.domain.model import Role
from gateway.domain.records import InteractionKind, JournalEntry

__all__ = [
    "EVENT_TYPES",
    "KINDS",
    "TEST_TYPE",
    "WITHOUT_TYPE",
    "Event",
    "event_of",
    "is_wanted",
    "trial_event",
    "unknown_types",
]

TEST_TYPE: Final = "webhook.test"

EVENT_TYPES: Final[Mapping[str, str]] = {
    "callback.requested": "Somebody asked for a callback.",
    "callback.merged": "Another request was the same one; it was merged into this callback.",
    "callback.planned": "The next attempt has a time: `due_at`, and `decider` who chose it.",
    "callback.put_off": "A due attempt was not allowed now and waits until `until`.",
    "callback.rescheduled": "A person chose another time, `due_at`; `by` says who.",
    "callback.changed": "A person changed what was asked for.",
    "callback.cancel_requested": "It is to be canceled, and is when the present call ends.",
    "callback.missed_call": "The contact called in, and nobody was free to answer.",
    "callback.reached": "Reached another way; it is done when the present call ends.",
    "callback.done": "The contact was reached. Nothing more follows.",
    "callback.exhausted": "Every attempt the rules allow was made. Nothing more follows.",
    "callback.expired": "The deadline passed. Nothing more follows.",
    "callback.canceled": "It was canceled. Nothing more follows.",
    "callback.blocked": "It may not be called at all. Nothing more follows.",
    "attempt.started": "A line was reserved; the call is placed at once or given back.",
    "attempt.agent_ringing": "The agent's telephone rings (queues that call the agent first).",
    "attempt.agent_answered": "The agent picked up; the contact is called next.",
    "attempt.ringing": "The contact's telephone rings.",
    "attempt.answered": "The contact's telephone was picked up, by a person or a machine.",
    "attempt.connected": "The contact talks to an agent.",
    "attempt.ended": "The attempt is over: `disposition` (null: nobody was called), "
    "`talk_seconds`, `attempt` its number.",
    "attempt.corrected": "Later evidence changed the `disposition` of an attempt that had ended.",
    TEST_TYPE: "Sent on request only, to try a receiver.",
}
"""Every type with its meaning; the type is a promise, new ones may come."""

_CUSTOMER: Final = {
    CallNews.RINGING.value: "attempt.ringing",
    CallNews.ANSWERED.value: "attempt.answered",
    CallNews.CONNECTED.value: "attempt.connected",
}
_AGENT: Final = {
    CallNews.RINGING.value: "attempt.agent_ringing",
    CallNews.ANSWERED.value: "attempt.agent_answered",
}

KINDS: Final[Mapping[str, str]] = {
    "requested": "callback.requested",
    "merged": "callback.merged",
    "planned": "callback.planned",
    "put_off": "callback.put_off",
    "rescheduled": "callback.rescheduled",
    "call_now": "callback.rescheduled",
    "restored": "callback.planned",
    InteractionKind.MISSED_CALL.value: "callback.missed_call",
    "reached": "callback.reached",
    "changed": "callback.changed",
    "cancel_requested": "callback.cancel_requested",
    **{
        state.lower(): f"callback.{state.lower()}"
        for state in (
            CallbackState.DONE,
            CallbackState.EXHAUSTED,
            CallbackState.EXPIRED,
            CallbackState.CANCELED,
            CallbackState.BLOCKED,
        )
    },
    "reserved": "attempt.started",
    **_CUSTOMER,
    "attempt_over": "attempt.ended",
    "upgraded": "attempt.corrected",
}
"""The kinds of steps that are told."""

WITHOUT_TYPE: Final[Mapping[str, str]] = {
    CallNews.ACCEPTED.value: "says nothing of the contact; ringing follows",
    CallNews.ENDED.value: "one leg of an attempt; attempt.ended follows",
    LegState.RELEASED.lower(): "given back unsent; attempt.ended follows",
    LegState.NOT_PLACED.lower(): "never placed; attempt.ended follows",
    LegState.UNRESOLVED.lower(): "nobody knows; attempt.ended follows",
    InteractionKind.INBOUND_CALL.value: "one of several contacts called in; nothing follows",
    InteractionKind.REACHED_ELSEWHERE.value: "one of several was reached; nothing follows",
    "adopted": "how we found out, not what happened",
    "waits": "how we find out, not what happened",
}
"""The kinds of steps that are told to nobody, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing to tell. ``place`` is that in the journal; ``body`` is what is sent, as text.

    ``thread``: what events must be told in order with, the callback.
    """

    place: int
    type: str
    at: datetime
    body: str
    thread: str
    queue: str


def event_of(entry: JournalEntry) -> Event | None:
    """Return what a line of the journal tells the outside, if anything. Same line, same bytes."""
    step = entry.step
    kind = _type(step.kind, step.data)
    if kind is None:
        return None
    data = {
        **step.data,
        "callback_id": step.callback_id,
        "contact_id": entry.contact_id,
        "queue": entry.queue,
        "attempt_id": step.attempt_id,
        "leg_id": step.leg_id,
        "text": step.text,
        "place": entry.id,
    }
    return Event(
        place=entry.id,
        type=kind,
        at=step.at,
        body=_body(kind, step.at, data),
        thread=step.callback_id,
        queue=entry.queue,
    )


def trial_event(webhook_id: str, place: int, now: datetime) -> Event:
    """Return an event that tells nothing, to try a receiver."""
    data = {"webhook_id": webhook_id, "text": "a test: your receiver works"}
    body = _body(TEST_TYPE, now, data)
    return Event(place=place, type=TEST_TYPE, at=now, body=body, thread="", queue="")


def is_wanted(kind: str, wanted: Sequence[str]) -> bool:
    """Whether a type is among those asked for: ``attempt.ended``, ``attempt.*``, none for all."""
    group = kind.partition(".")[0]
    return not wanted or kind == TEST_TYPE or kind in wanted or f"{group}.*" in wanted


def unknown_types(wanted: Sequence[str]) -> list[str]:
    """Return what is neither a type nor a group of types."""
    known = {*EVENT_TYPES, *(f"{one.partition('.')[0]}.*" for one in EVENT_TYPES)}
    return [one for one in wanted if one not in known]


def _type(kind: str, data: Mapping[str, Any]) -> str | None:
    if kind in _CUSTOMER and data.get("role") == Role.AGENT:
        return _AGENT.get(kind)
    if kind == "reserved" and "attempt" not in data:
        return None  # A second leg of an attempt that was told already.
    return KINDS.get(kind)


def _body(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    told = {"type": kind, "timestamp": at.isoformat(), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
