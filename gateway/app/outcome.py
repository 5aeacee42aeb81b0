"""What follows when an attempt is over: close the callback, or plan the next attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.app.asking import ask
from gateway.domain.caps import contact_key, number_key
from gateway.domain.change import Change, Stop
from gateway.domain.disposition import Disposition
from gateway.domain.flight import conclude, reached_contact
from gateway.domain.machine import CallbackEvent, CallbackState, step_callback
from gateway.domain.model import Attempt, Callback, Contact, Flight, Leg, Plan, Step
from gateway.domain.reserve import DIALING
from gateway.ports import Planner, PlanQuestion

__all__ = ["conclusion", "late_upgrade", "planned", "rebased"]

_EARLIER = "an earlier attempt had reached them"


async def conclusion(
    flight: Flight,
    now: datetime,
    planner: Planner,
    changed: tuple[Leg, ...],
    steps: tuple[Step, ...],
) -> tuple[Flight, Change]:
    """Close the attempt of a flight whose legs are all over and decide what follows.

    ``changed`` legs and ``steps`` of the news that ended it go into the same change.
    """
    closed = conclude(flight, now)
    attempt, callback = closed.attempt, closed.callback
    disposition = attempt.disposition
    text = disposition.value if disposition else "not placed"
    over = Step(
        callback_id=callback.id,
        attempt_id=attempt.id,
        at=now,
        kind="attempt_over",
        text=f"attempt {attempt.n}: {text}",
        data={
            "attempt": attempt.n,
            "disposition": disposition.value if disposition else None,
            "talk_seconds": round(attempt.talk_seconds, 1),
        },
    )
    bad = (attempt.number,) if disposition is Disposition.INVALID_NUMBER else ()
    closed = replace(closed, contact=_without(closed.contact, bad, now))
    after, step = await _next(closed, now, planner)
    change = Change(
        at=now,
        callback=after,
        attempt=attempt,
        legs=changed,
        refunds=() if reached_contact(flight) else _refunds(attempt),
        invalid_numbers=bad,
        steps=(*steps, over, step),
    )
    return replace(closed, callback=after), change


def _refunds(attempt: Attempt) -> tuple[tuple[str, datetime], ...]:
    """Name what to take back from the caps: the contact's phone cannot have rung."""
    keys = (contact_key(attempt.contact_id), number_key(attempt.number))
    return tuple((key, attempt.reserved_at) for key in keys)


def _without(contact: Contact, bad: tuple[str, ...], now: datetime) -> Contact:
    numbers = tuple(
        replace(one, invalid_since=one.invalid_since or now) if one.e164 in bad else one
        for one in contact.numbers
    )
    return replace(contact, numbers=numbers)


async def _next(flight: Flight, now: datetime, planner: Planner) -> tuple[Callback, Step]:
    callback = flight.callback
    disposition = flight.attempt.disposition
    if disposition is Disposition.ANSWERED_HUMAN:
        answer: Plan | Stop = Stop(event=CallbackEvent.COMPLETE, reason="reached")
    elif callback.answered_late:
        answer = Stop(event=CallbackEvent.COMPLETE, reason=_marked(callback, _EARLIER))
    elif callback.cancel_requested:
        reason = _marked(callback, "canceled on request")
        answer = Stop(event=CallbackEvent.CANCEL, reason=reason)
    else:
        question = PlanQuestion(
            contact=flight.contact,
            callback=callback,
            now=now,
            history=(*flight.history, flight.attempt),
        )
        answer = await ask(planner, question)
    return planned(replace(callback, outcome=disposition or callback.outcome), answer, now)


def _marked(callback: Callback, otherwise: str) -> str:
    """Return the reason that was written down with a mark while the contact was being called."""
    told = callback.state_reason
    return otherwise if told in {"", DIALING} else told


def planned(callback: Callback, answer: Plan | Stop, now: datetime) -> tuple[Callback, Step]:
    """Apply a planner's answer: the callback's next version and the step that explains it."""
    if isinstance(answer, Stop):
        state = step_callback(callback.state, answer.event)
        moved = callback.moved(
            state, due_at=None, plan=None, state_reason=answer.reason, closed_at=now
        )
        kind, text, data = state.lower(), answer.reason, {}
    else:
        state = step_callback(callback.state, CallbackEvent.PLAN)
        text = "; ".join(answer.reasons)
        moved = callback.moved(state, due_at=answer.due_at, plan=answer, state_reason=text)
        kind = "planned"
        data = {"due_at": answer.due_at.isoformat(), "decider": answer.decider}
    return moved, Step(callback_id=callback.id, at=now, kind=kind, text=text, data=data)


def late_upgrade(flight: Flight, leg: Leg, now: datetime) -> Change:
    """Return what evidence that came after an attempt's end changes.

    ``flight`` is as stored now. An answer closes the callback unless it is terminal already; while
    another attempt is open it is remembered until that one ends. It never causes a call.
    """
    legs = tuple(leg if one.id == leg.id else one for one in flight.legs)
    corrected = conclude(replace(flight, legs=legs), now)
    callback, attempt = corrected.callback, corrected.attempt
    told = attempt.disposition
    if told is flight.attempt.disposition:
        return Change(at=now, attempt=attempt, legs=(leg,))
    text = f"attempt {attempt.n} turned out to be {told.value if told else 'not placed'}"
    steps = [
        Step(
            callback_id=callback.id,
            attempt_id=attempt.id,
            leg_id=leg.id,
            at=now,
            kind="upgraded",
            text=text,
            data={"attempt": attempt.n, "disposition": told.value if told else None},
        )
    ]
    after: Callback | None = None
    if told is Disposition.ANSWERED_HUMAN and callback.closed_at is None:
        outcome = replace(callback, outcome=told)
        if callback.state is CallbackState.DIALING:
            after = outcome.moved(callback.state, answered_late=True, state_reason=_EARLIER)
        else:
            stop = Stop(event=CallbackEvent.COMPLETE, reason=_EARLIER)
            after, step = planned(outcome, stop, now)
            steps.append(step)
    elif callback.used != flight.callback.used and callback.closed_at is None:
        after = callback.moved(callback.state)
    return Change(at=now, callback=after, attempt=attempt, legs=(leg,), steps=tuple(steps))


def rebased(change: Change, held: Callback) -> Change | None:
    """Return what is left to write of a change refused over its callback, stored as ``held``.

    Honest reasons are that it was kept although a failure was told (then its rows are written
    once more, for older ones may have been written over them), and that during the call a
    cancellation was asked for or an earlier attempt turned out to have reached the contact.
    Whatever else moved the callback, the end of the attempt stands. None: nothing can be done.
    """
    wanted = change.callback
    if wanted is None or held.version + 1 == wanted.version:
        return None  # It was the next version: something in it can never be kept.
    if held.version == wanted.version and held.state is wanted.state:
        return replace(change, callback=None, steps=())
    if held.state is not CallbackState.DIALING or held.attempts != wanted.attempts:
        return replace(change, callback=None) if change.attempt else None
    marks = replace(
        wanted,
        version=held.version,
        cancel_requested=held.cancel_requested or wanted.cancel_requested,
        answered_late=held.answered_late or wanted.answered_late,
    )
    if wanted.state is CallbackState.SCHEDULED and marks.answered_late:
        by_us = held.outcome is Disposition.ANSWERED_HUMAN
        reached = replace(marks, outcome=held.outcome if by_us else wanted.outcome)
        stop = Stop(event=CallbackEvent.COMPLETE, reason=_marked(held, _EARLIER))
        after, step = planned(reached, stop, change.at)
    elif wanted.state is CallbackState.SCHEDULED and marks.cancel_requested:
        stop = Stop(event=CallbackEvent.CANCEL, reason=_marked(held, "canceled on request"))
        after, step = planned(marks, stop, change.at)
    else:
        return replace(change, callback=marks.moved(wanted.state))
    return replace(change, callback=after, steps=(*change.steps, step))
