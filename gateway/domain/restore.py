"""What is decided about data that come from a backup: what happened since is not in them.

A leg that was open when the backup was made may have been sent, answered and ended long ago, one
that was only reserved included. So nothing is believed to be still going on, nothing is believed
not to have happened, and nothing is called before a person says so.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.domain.change import Change
from gateway.domain.disposition import Disposition, meaning
from gateway.domain.flight import conclude, settle_leg
from gateway.domain.machine import CallbackEvent, LegEvent, LegState, step_callback, step_leg
from gateway.domain.model import Attempt, Callback, Evidence, Flight, Leg, Step
from gateway.domain.records import HOLD_ALL, Hold
from gateway.domain.reserve import close_callback

__all__ = ["LATER", "hold_after_restore", "settle_after_restore"]

LATER = timedelta(minutes=15)
"""How long after the restore a callback whose call was open is due again, at the earliest."""

_WHY = "restored from a backup while its call was open: nobody knows what became of it"
_EVIDENCE = Evidence(source="restore", reason="restored from a backup")


def hold_after_restore(taken_at: datetime | None, now: datetime) -> Hold:
    """Return the hold that stops every call until a person has looked."""
    when = f"{taken_at:%Y-%m-%d %H:%M} UTC" if taken_at else "an unknown time"
    reason = f"restored from a backup of {when}; confirm with kairos resume"
    return Hold(target=HOLD_ALL, reason=reason, by="restore", since=now)


def settle_after_restore(flight: Flight, now: datetime) -> Change:
    """Close an open flight as unresolved and let its callback be due again later.

    A contact who was connected stays reached, and a cancellation asked for is carried out.
    """
    legs = tuple(_given_up(one, now) if one.is_open else one for one in flight.legs)
    attempt = replace(flight.attempt, placed_at=_placed_at(flight))
    closed = _concluded(replace(flight, legs=legs, attempt=attempt), now)
    return replace(
        _next(closed.callback, closed.attempt, now),
        attempt=closed.attempt,
        legs=tuple(one for one in legs if one not in flight.legs),
    )


def _given_up(leg: Leg, now: datetime) -> Leg:
    if leg.state is LegState.RESERVED:
        # It may have been sent a moment after the backup.
        sent = step_leg(leg.state, LegEvent.SEND)
        leg = replace(leg, state=sent, sending_at=leg.reserved_at)
    unknown = Disposition.UNRESOLVED
    return settle_leg(leg, LegEvent.GIVE_UP, now, disposition=unknown, evidence=_EVIDENCE)


def _placed_at(flight: Flight) -> datetime:
    return flight.attempt.placed_at or flight.attempt.reserved_at


def _concluded(flight: Flight, now: datetime) -> Flight:
    """Close the attempt; where its legs prove no call to the contact, one may have followed."""
    closed = conclude(flight, now)
    told = closed.attempt.disposition
    if told is not None and meaning(told).reached_contact:
        return closed
    unknown = replace(closed.attempt, disposition=Disposition.UNRESOLVED)
    held = told is not None and meaning(told).uses_attempt
    used = closed.callback.used + (0 if held else 1)
    return replace(closed, attempt=unknown, callback=replace(closed.callback, used=used))


def _next(callback: Callback, attempt: Attempt, now: datetime) -> Change:
    callback = replace(callback, outcome=attempt.disposition or callback.outcome)
    due_at = now + LATER
    if attempt.disposition is Disposition.ANSWERED_HUMAN or callback.answered_late:
        return close_callback(callback, CallbackEvent.COMPLETE, "reached", now)
    if callback.cancel_requested:
        return close_callback(callback, CallbackEvent.CANCEL, "canceled on request", now)
    if due_at > callback.deadline:
        return close_callback(callback, CallbackEvent.EXPIRE, _WHY, now)
    state = step_callback(callback.state, CallbackEvent.PLAN)
    plan = replace(callback.plan, due_at=due_at) if callback.plan else None
    step = Step(
        callback_id=callback.id,
        attempt_id=attempt.id,
        at=now,
        kind="restored",
        text=_WHY,
        data={"due_at": due_at.isoformat()},
    )
    moved = callback.moved(state, due_at=due_at, plan=plan, state_reason=_WHY)
    return Change(at=now, callback=moved, steps=(step,))
