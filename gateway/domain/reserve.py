"""The last check before a call, made inside the transaction that reserves it.

:func:`decide` looks at a due callback exactly as the database holds it and answers with the one
change to make: reserve an attempt, put it off until it is allowed, or close it. Every path to a
call - rule, model, human, fallback - goes through here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.domain.caps import CapReached, contact_key, count_attempt, number_key
from gateway.domain.change import Candidate, Change
from gateway.domain.machine import CallbackEvent, LegState, step_callback
from gateway.domain.model import Attempt, Callback, Guard, Leg, Role, Step, mask
from gateway.domain.windows import Closed, CountryRule, Law, parse_zone

__all__ = ["DIALING", "NewIds", "Terms", "close_callback", "decide", "put_off"]

DIALING = "dialing"
"""The state's reason while nothing else is to be said of it."""

# A contact who is in a call already is looked at again after this long, in seconds.
_BUSY_LOOK_AGAIN = 30.0


class NewIds(Protocol):
    """Gives names to attempts and legs; a leg's name is its channel id (32 lower-case chars)."""

    def attempt_id(self) -> str:
        """Return a fresh attempt id."""
        ...

    def leg_id(self) -> str:
        """Return a fresh leg id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which terms the dispatcher reserves.

    ``agents`` gives, per queue that calls the agent first, the agent's dial target for this
    reservation; ``resolve_after`` are the seconds until the resolver must decide.
    """

    now: datetime
    node: str
    law: Law
    ids: NewIds
    resolve_after: float
    epochs: Mapping[str, str]
    agents: Mapping[str, str]


def decide(candidate: Candidate, terms: Terms) -> Change:
    """Return what to do with a due callback: reserve it, put it off, or close it."""
    callback = candidate.callback
    number = _number(candidate)
    closing = _closing(candidate, terms.now, number)
    if closing is not None:
        return close_callback(callback, *closing, terms.now)
    verdict = terms.law.allows(candidate.contact, callback.queue, terms.now, callback.wishes)
    rule, zone = terms.law.rule(candidate.contact), parse_zone(candidate.contact.zone)
    if isinstance(verdict, Closed) and verdict.opens_at is not None:
        return put_off(callback, verdict.opens_at, verdict.reason, terms.now)
    if isinstance(verdict, Closed) or number is None or rule is None or zone is None:
        reason = verdict.reason if isinstance(verdict, Closed) else "no calling rule"
        return close_callback(callback, CallbackEvent.BLOCK, reason, terms.now)
    if candidate.busy_until is not None:
        again = terms.now + timedelta(seconds=_BUSY_LOOK_AGAIN)
        if terms.now < candidate.busy_until < again:
            again = candidate.busy_until
        return put_off(callback, again, "the contact is in another call of ours", terms.now)
    guards = _count(candidate, number, rule, zone, terms.now)
    if isinstance(guards, CapReached):
        return put_off(callback, guards.until, guards.reason, terms.now)
    return _reserve(candidate, terms, number, rule, guards)


def _closing(
    candidate: Candidate, now: datetime, number: str | None
) -> tuple[CallbackEvent, str] | None:
    """Return why the callback ends here, or None if it may go on."""
    if candidate.callback.cancel_requested:
        return CallbackEvent.CANCEL, "canceled on request"
    if now > candidate.callback.deadline:
        return CallbackEvent.EXPIRE, "the deadline passed"
    if candidate.do_not_call:
        return CallbackEvent.BLOCK, "a number of the contact is on the do-not-call list"
    if number is None:
        return CallbackEvent.BLOCK, "no number of the contact is known to work"
    return None


def _count(
    candidate: Candidate, number: str, rule: CountryRule, zone: ZoneInfo, now: datetime
) -> tuple[Guard, ...] | CapReached:
    guards: list[Guard] = []
    for key in (contact_key(candidate.contact.id), number_key(number)):
        moved = count_attempt(
            candidate.guards.get(key, Guard(key=key)),
            now,
            zone,
            cap_day=rule.cap_day,
            cap_week=rule.cap_week,
            min_gap=rule.min_gap,
        )
        if isinstance(moved, CapReached):
            return moved
        guards.append(moved)
    return tuple(guards)


def _number(candidate: Candidate) -> str | None:
    usable = [one.e164 for one in candidate.contact.numbers if one.invalid_since is None]
    plan = candidate.callback.plan
    if plan is not None and plan.number in usable:
        return plan.number
    return usable[0] if usable else None


def put_off(callback: Callback, until: datetime, reason: str, now: datetime) -> Change:
    """Move a due callback to ``until``; past its deadline that closes it."""
    if until > callback.deadline:
        why = f"no allowed time before the deadline: {reason}"
        return close_callback(callback, CallbackEvent.EXPIRE, why, now)
    state = step_callback(callback.state, CallbackEvent.PLAN)
    step = Step(
        callback_id=callback.id,
        at=now,
        kind="put_off",
        text=reason,
        data={"until": until.isoformat()},
    )
    moved = callback.moved(state, due_at=until, state_reason=reason)
    return Change(at=now, callback=moved, steps=(step,))


def close_callback(callback: Callback, event: CallbackEvent, reason: str, now: datetime) -> Change:
    """Close a callback for good, with the reason people will read."""
    state = step_callback(callback.state, event)
    step = Step(callback_id=callback.id, at=now, kind=state.lower(), text=reason)
    closed = callback.moved(state, due_at=None, state_reason=reason, closed_at=now)
    return Change(at=now, callback=closed, steps=(step,))


def _reserve(
    candidate: Candidate, terms: Terms, number: str, rule: CountryRule, guards: tuple[Guard, ...]
) -> Change:
    callback, now = candidate.callback, terms.now
    agent = terms.agents.get(callback.queue)
    attempt = Attempt(
        id=terms.ids.attempt_id(),
        callback_id=callback.id,
        contact_id=candidate.contact.id,
        n=callback.attempts + 1,
        number=number,
        reserved_at=now,
        min_gap=rule.min_gap,
    )
    leg = _first_leg(attempt, terms, candidate.carrier, agent)
    state = step_callback(callback.state, CallbackEvent.RESERVE)
    moved = callback.moved(state, due_at=None, attempts=attempt.n, state_reason=DIALING)
    decider = callback.plan.decider if callback.plan else "unplanned"
    step = Step(
        callback_id=callback.id,
        attempt_id=attempt.id,
        leg_id=leg.id,
        at=now,
        kind="reserved",
        text=f"attempt {attempt.n} to {mask(number)} through {candidate.carrier}, by {decider}",
        data={"attempt": attempt.n, "carrier": leg.carrier, "role": leg.role.value},
    )
    return Change(
        at=now,
        callback=moved,
        attempt=attempt,
        legs=(leg,),
        guards=guards,
        steps=(step,),
    )


def _first_leg(attempt: Attempt, terms: Terms, carrier: str, agent: str | None) -> Leg:
    return Leg(
        id=terms.ids.leg_id(),
        attempt_id=attempt.id,
        callback_id=attempt.callback_id,
        n=1,
        role=Role.AGENT if agent else Role.CUSTOMER,
        carrier=carrier,
        target=agent or attempt.number,
        state=LegState.RESERVED,
        node=terms.node,
        reserved_at=terms.now,
        resolve_by=terms.now + timedelta(seconds=terms.resolve_after),
        boot_epoch=terms.epochs.get(carrier, ""),
    )
