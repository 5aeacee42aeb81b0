"""How an open attempt moves: pure functions from a flight and one piece of news to the next.

A *flight* is a callback with its open attempt and legs. Nothing here does I/O or reads a clock;
the caller writes the returned :class:`~gateway.domain.change.Change` and carries out the effects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.disposition import Disposition, is_upgrade, meaning
from gateway.domain.events import CallEvent, CallNews
from gateway.domain.machine import LegEvent, LegState, step_leg
from gateway.domain.model import Attempt, Evidence, Flight, Leg, Role

__all__ = ["Effect", "HangUp", "StartCustomerLeg", "advance", "conclude", "is_over", "settle_leg"]

_D = Disposition
_LEG_EVENT = {
    CallNews.ACCEPTED: LegEvent.ACCEPT,
    CallNews.RINGING: LegEvent.RING,
    CallNews.ANSWERED: LegEvent.ANSWER,
    CallNews.CONNECTED: LegEvent.ANSWER,
    CallNews.ENDED: LegEvent.END,
}
_AGENT_DID_NOT_TAKE_IT = frozenset({_D.NO_ANSWER, _D.BUSY, _D.REJECTED, _D.CANCELED})


@dataclass(frozen=True, slots=True)
class StartCustomerLeg:
    """The agent is on the phone: now call the contact and bridge the two."""

    agent_channel: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End this leg: nobody is left to talk to it."""

    leg_id: str


Effect = StartCustomerLeg | HangUp


def advance(
    flight: Flight, event: CallEvent, *, needs_agent: bool, max_talk: float
) -> tuple[Flight, tuple[Effect, ...]]:
    """Apply one piece of news. ``max_talk`` seconds after an answer the resolver looks.

    ``needs_agent``: an answered contact must also be connected, else the call is abandoned.
    Raises KeyError if the leg is not of this flight. Late, repeated and reordered news are
    harmless; a terminal leg keeps its state, its disposition can only be upgraded.
    """
    old = flight.leg(event.leg_id)
    new = _leg_after(old, event, needs_agent=needs_agent, max_talk=max_talk)
    legs = tuple(new if leg.id == new.id else leg for leg in flight.legs)
    return replace(flight, legs=legs), _effects(legs, old, new)


def _leg_after(leg: Leg, event: CallEvent, *, needs_agent: bool, max_talk: float) -> Leg:
    if leg.state is LegState.RESERVED:
        return leg  # Never written to the wire: news of it cannot be about our call.
    needs_agent = needs_agent and leg.role is Role.CUSTOMER
    if not leg.is_open:
        return _upgraded(leg, event, needs_agent=needs_agent)
    state = step_leg(leg.state, _LEG_EVENT[event.news])
    leg = replace(leg, state=state, channel=event.channel or leg.channel)
    match event.news:
        case CallNews.RINGING:
            return replace(leg, ringing_at=leg.ringing_at or event.at)
        case CallNews.ANSWERED | CallNews.CONNECTED:
            resolve_by = max(leg.resolve_by, event.at + timedelta(seconds=max_talk))
            connected = event.at if event.news is CallNews.CONNECTED else None
            return replace(
                leg,
                answered_at=leg.answered_at or event.at,
                connected_at=leg.connected_at or connected,
                resolve_by=resolve_by,
            )
        case CallNews.ENDED:
            return replace(
                leg,
                ended_at=event.at,
                evidence=event.evidence,
                disposition=_read(leg, event, needs_agent=needs_agent),
            )
    return leg


def _read(leg: Leg, event: CallEvent, *, needs_agent: bool) -> Disposition:
    if event.disposition is _D.ANSWERED_MACHINE:
        return _D.ANSWERED_MACHINE
    if leg.answered_at or event.disposition is _D.ANSWERED_HUMAN:
        return _D.ABANDONED if needs_agent and not leg.connected_at else _D.ANSWERED_HUMAN
    return event.disposition or _D.FAILED


def _upgraded(leg: Leg, event: CallEvent, *, needs_agent: bool) -> Leg:
    # Only a leg that was placed can be learnt about later; a released one was never written.
    if leg.state not in {LegState.ENDED, LegState.UNRESOLVED}:
        return leg
    match event.news:
        case CallNews.CONNECTED:
            leg = replace(leg, connected_at=leg.connected_at or event.at)
            told: Disposition | None = _D.ANSWERED_HUMAN
            if leg.disposition is _D.ANSWERED_MACHINE:
                told = None
        case CallNews.ENDED:
            told = _read(leg, event, needs_agent=needs_agent)
        case CallNews.ANSWERED:
            leg = replace(leg, answered_at=leg.answered_at or event.at)
            told = None
        case _:
            told = None
    if told is None or not is_upgrade(leg.disposition, told):
        return leg
    evidence = event.evidence if event.news is CallNews.ENDED else leg.evidence
    return replace(leg, disposition=told, evidence=evidence, ended_at=leg.ended_at or event.at)


def _effects(legs: tuple[Leg, ...], old: Leg, new: Leg) -> tuple[Effect, ...]:
    customer = [leg for leg in legs if leg.role is Role.CUSTOMER]
    agents = [leg for leg in legs if leg.role is Role.AGENT]
    if new.role is Role.AGENT and new.state is LegState.ANSWERED != old.state and not customer:
        return (StartCustomerLeg(new.channel),)
    if new.role is Role.AGENT and old.is_open and not new.is_open:
        # The agent left; a contact who is still ringing would be answered by nobody.
        return tuple(
            HangUp(leg.id) for leg in customer if leg.is_open and leg.state is not LegState.RESERVED
        )
    if new.role is Role.CUSTOMER and old.is_open and not new.is_open:
        return tuple(HangUp(leg.id) for leg in agents if leg.is_open)
    return ()


def settle_leg(
    leg: Leg, event: LegEvent, at: datetime, *, disposition: Disposition | None, evidence: Evidence
) -> Leg:
    """Close a leg by decision rather than by news: released, proved not placed, or given up."""
    return replace(
        leg,
        state=step_leg(leg.state, event),
        ended_at=at,
        disposition=disposition,
        evidence=evidence,
    )


def is_over(flight: Flight) -> bool:
    """Whether no leg can be heard of any more, so that the attempt can be concluded."""
    return not any(leg.is_open for leg in flight.legs)


def conclude(flight: Flight, at: datetime) -> Flight:
    """Close the attempt from its legs; ``disposition`` None means that nobody was called."""
    disposition = _attempt_disposition(flight.legs)
    customer = [leg for leg in flight.legs if leg.role is Role.CUSTOMER]
    attempt: Attempt = replace(
        flight.attempt,
        closed_at=at,
        disposition=disposition,
        talk_seconds=sum(map(_talk_seconds, customer)),
    )
    held = disposition is not None and meaning(disposition).uses_attempt
    callback = replace(flight.callback, used=flight.callback.used + held)
    return replace(flight, attempt=attempt, callback=callback)


def _talk_seconds(leg: Leg) -> float:
    start = leg.connected_at or leg.answered_at
    if leg.disposition is not _D.ANSWERED_HUMAN or not start or not leg.ended_at:
        return 0.0
    return max(0.0, (leg.ended_at - start).total_seconds())


def _attempt_disposition(legs: tuple[Leg, ...]) -> Disposition | None:
    customer = [leg for leg in legs if leg.role is Role.CUSTOMER]
    if customer:
        return customer[-1].disposition
    agent = legs[-1]
    if agent.disposition in _AGENT_DID_NOT_TAKE_IT:
        return _D.AGENT_NO_ANSWER
    if agent.disposition in {None, _D.FAILED, _D.CONGESTION, _D.INVALID_NUMBER}:
        return None if agent.disposition is None else _D.FAILED
    # The agent answered (or may have), but the contact was never called.
    return _D.AGENT_NO_ANSWER
