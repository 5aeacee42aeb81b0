"""What people may do to a callback, decided: cancel, another time, at once, other wishes, done.

Pure functions over a :class:`~gateway.domain.records.CallbackView`, for the store to call inside
the transaction that writes the answer. None means that it is so already. What cannot be done now
raises NotNow, what cannot be done at all BadInput; both name the remedy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.change import Change
from gateway.domain.clockwords import local_words
from gateway.domain.errors import BadInput, NotNow
from gateway.domain.machine import (
    TERMINAL_CALLBACK_STATES,
    CallbackEvent,
    CallbackState,
    step_callback,
)
from gateway.domain.model import Callback, Plan, Step
from gateway.domain.records import CallbackView
from gateway.domain.reserve import close_callback
from gateway.domain.windows import Closed, Law, Open

__all__ = [
    "Pin",
    "call_now",
    "cancel",
    "complete",
    "must_be_waiting",
    "noted",
    "plain",
    "reschedule",
]

_LONGEST_WHO, _LONGEST_WHY = 100, 200
_NUMBER = re.compile(r"\+?\d(?:[\s()./-]{0,2}\d){6,}")
_MAIL = re.compile(r"[^\s@]+@[^\s@]+")
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A time that somebody chose. ``at`` and ``deadline`` (None: as it was) are instants.

    ``any_time`` sets the contact's preferred times aside, for this attempt; never the law.
    """

    at: datetime
    by: str
    deadline: datetime | None = None
    any_time: bool = False


def plain(who: str, why: str = "") -> str:
    """Say who and why in a line fit for the journal: short, and without what looks like a number.

    Digits that could be a telephone number and addresses of mail in ``why`` are left out.
    """
    who = _CONTROL.sub(" ", who).strip()[:_LONGEST_WHO] or "somebody"
    why = " ".join(_CONTROL.sub(" ", why).split())
    why = _MAIL.sub("…", _NUMBER.sub("…", why))[:_LONGEST_WHY]
    return f"{who}: {why}" if why else who


def cancel(view: CallbackView, *, by: str, reason: str, now: datetime) -> Change | None:
    """Cancel: at once while it waits; while it is being called, when that call ends.

    None if it is canceled or marked already. Raises NotNow if it was closed otherwise.
    """
    callback = view.callback
    words = f"canceled by {plain(by, reason)}"
    if callback.state is CallbackState.SCHEDULED:
        return close_callback(callback, CallbackEvent.CANCEL, words, now)
    if callback.state is CallbackState.DIALING:
        if callback.cancel_requested:
            return None
        told = callback.state_reason if callback.answered_late else words
        marked = callback.moved(callback.state, cancel_requested=True, state_reason=told)
        return Change(
            at=now, callback=marked, steps=(_step(callback, now, "cancel_requested", words),)
        )
    if callback.state is CallbackState.CANCELED:
        return None
    raise _closed(callback)


def complete(view: CallbackView, *, reason: str, now: datetime) -> Change | None:
    """Close a callback whose contact was reached otherwise; ``reason`` in words.

    While it is being called it is marked, and closes as DONE when that call ends. None if it is
    closed or marked already.
    """
    callback = view.callback
    if callback.state is CallbackState.SCHEDULED:
        return close_callback(callback, CallbackEvent.COMPLETE, reason, now)
    if callback.state is not CallbackState.DIALING or callback.answered_late:
        return None
    marked = callback.moved(callback.state, answered_late=True, state_reason=reason)
    return Change(at=now, callback=marked, steps=(_step(callback, now, "reached", reason),))


def noted(view: CallbackView, *, kind: str, text: str, now: datetime) -> Change | None:
    """Write a line into the journal of an open callback; None if it is closed."""
    if view.callback.state in TERMINAL_CALLBACK_STATES:
        return None
    return Change(at=now, steps=(_step(view.callback, now, kind, text),))


def reschedule(view: CallbackView, pin: Pin, *, law: Law, now: datetime) -> Change:
    """Plan the next attempt for a time that somebody chose.

    It must lie ahead, inside law and deadline; it is judged again when it is due. Raises NotNow,
    and BadInput that names the next allowed time.
    """
    callback = must_be_waiting(view)
    deadline = _deadline(callback, pin, now)
    if pin.at.tzinfo is None:
        raise BadInput("at", "has no time zone", remedy="write it like 2026-01-31T17:00Z")
    if pin.at <= now:
        raise BadInput("at", "lies in the past", remedy="give a later time, or call now")
    if pin.at > deadline:
        when = local_words(deadline, now, view.contact.zone)
        remedy = "give an earlier time, or a new deadline with it"
        raise BadInput("at", f"is after the deadline, {when}", remedy=remedy)
    _must_be_open(view, pin, law, now, deadline)
    when = local_words(pin.at, now, view.contact.zone)
    text = f"{when}, chosen by {plain(pin.by)}"
    return _pinned(view, pin, deadline, now, "rescheduled", text)


def call_now(
    view: CallbackView, *, by: str, law: Law, now: datetime, any_time: bool = False
) -> Change:
    """Make it due now; caps and gaps are judged by the claim, as for every call.

    Raises NotNow, and BadInput with the next allowed time if the law says no call now.
    """
    callback = must_be_waiting(view)
    pin = Pin(at=now, by=by, any_time=any_time)
    if now > callback.deadline:
        raise NotNow("its deadline has passed", remedy="give it a later deadline first")
    _must_be_open(view, pin, law, now, callback.deadline)
    text = f"wanted now by {plain(by)}"
    return _pinned(view, pin, callback.deadline, now, "call_now", text)


def must_be_waiting(view: CallbackView) -> Callback:
    """Return the callback if its next attempt is still to come; else raise NotNow."""
    callback = view.callback
    if callback.state is CallbackState.DIALING:
        raise NotNow(
            "the contact is being called right now", remedy="try again when the call is over"
        )
    if callback.state is not CallbackState.SCHEDULED:
        raise _closed(callback)
    return callback


def _closed(callback: Callback) -> NotNow:
    return NotNow(f"it is closed already ({callback.state})", remedy="request a new callback")


def _deadline(callback: Callback, pin: Pin, now: datetime) -> datetime:
    if pin.deadline is None:
        return callback.deadline
    if pin.deadline.tzinfo is None:
        raise BadInput("deadline", "has no time zone", remedy="write it like 2026-01-31T17:00Z")
    if pin.deadline <= now:
        raise BadInput("deadline", "lies in the past", remedy="give a later one")
    return pin.deadline


def _must_be_open(
    view: CallbackView, pin: Pin, law: Law, now: datetime, deadline: datetime
) -> None:
    """Raise BadInput with the next allowed time unless a call at ``pin.at`` is lawful."""
    contact, callback = view.contact, view.callback
    wishes = () if pin.any_time else callback.preferred
    verdict = law.allows(contact, callback.queue, pin.at, wishes)
    if isinstance(verdict, Open):
        return
    raise BadInput("at", verdict.reason, remedy=_remedy(view, verdict, law, pin, now, deadline))


def _remedy(
    view: CallbackView, verdict: Closed, law: Law, pin: Pin, now: datetime, deadline: datetime
) -> str:
    contact, queue = view.contact, view.callback.queue
    if verdict.opens_at is None:
        return "no time at which a call is allowed is in sight: see to the contact's data"
    again = f"calls are allowed again {local_words(verdict.opens_at, now, contact.zone)}"
    if verdict.opens_at > deadline:
        again += ", which is after the deadline: give a later one with it"
    if isinstance(law.allows(contact, queue, pin.at), Open):
        again += ", or say that the contact's preferred times are to be ignored"
    return again


def _pinned(
    view: CallbackView, pin: Pin, deadline: datetime, now: datetime, kind: str, text: str
) -> Change:
    callback = view.callback
    if view.do_not_call:
        problem = "a number of the contact is on the do-not-call list"
        raise NotNow(problem, remedy="take it off the list first, if that is right")
    usable = [one.e164 for one in view.contact.numbers if one.invalid_since is None]
    if not usable:
        problem = "no number of the contact is known to work"
        raise NotNow(problem, remedy="give the contact a number that works first")
    before = callback.plan.number if callback.plan else ""
    plan = Plan(
        due_at=pin.at,
        number=before if before in usable else usable[0],
        decider=f"human:{plain(pin.by)}",
        reasons=(text,),
        made_at=now,
        any_time=pin.any_time and bool(callback.preferred),
    )
    state = step_callback(callback.state, CallbackEvent.PLAN)
    moved = callback.moved(state, due_at=pin.at, plan=plan, deadline=deadline, state_reason=text)
    data = {"due_at": pin.at.isoformat(), "decider": plan.decider, "by": plain(pin.by)}
    if deadline != callback.deadline:
        data["deadline"] = deadline.isoformat()
    step = replace(_step(callback, now, kind, text), data=data)
    return Change(at=now, callback=moved, steps=(step,))


def _step(callback: Callback, now: datetime, kind: str, text: str) -> Step:
    return Step(callback_id=callback.id, at=now, kind=kind, text=text)
