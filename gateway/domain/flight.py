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

__all__ = [
    "Effect",
    "HangUp",
    "StartCustomerLeg",
    "advance",
    "conclude",
    "is_over",
    "owed",
    "reached_contact",
    "settle_leg",
]

_D = Disposition
_LEG_EVENT = {
    CallNews.ACCEPTED: LegEvent.ACCEPT,
    CallNews.RINGING: LegEvent.RING,
    CallNews.ANSWERED: LegEvent.ANSWER,
    CallNews.CONNECTED: LegEvent.ANSWER,
    CallNews.ENDED: LegEvent.END,
}


@dataclass(frozen=True, slots=True)
class StartCustomerLeg:
    """The agent is on the phone: now call the contact and bridge the two."""

    agent_channel: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End this leg: nobody is left to talk to it. One that is still RESERVED is released instead.

    Harmless when repeated or late; a failover leg started instead makes it void.
    """

    leg_id: str


Effect = StartCustomerLeg | HangUp


def advance(
    flight: Flight, event: CallEvent, *, needs_agent: bool, max_talk: float
) -> tuple[Flight, tuple[Effect, ...]]:
    """Apply one piece of news. ``max_talk`` seconds after an answer the resolver looks.

    ``needs_agent``: an answered contact must also be connected, else the call is abandoned.
    Raises KeyError if the leg is not of this flight. Late, repeated and reordered news are
    harmless; a terminal leg keeps its state, its disposition can only be upgraded. The effects
    are what became due by this news: the customer is started once, a leg that nobody waits for is
    hung up once in every state it still passes, because an earlier order may have come too soon.
    """
    old = flight.leg(event.leg_id)
    new = _leg_after(old, event, needs_agent=needs_agent, max_talk=max_talk)
    legs = tuple(new if leg.id == new.id else leg for leg in flight.legs)
    moved = replace(flight, legs=legs)
    if new.state is old.state:
        return moved, ()
    known = owed(flight)
    return moved, tuple(
        effect for effect in owed(moved) if effect == HangUp(new.id) or effect not in known
    )


def owed(flight: Flight) -> tuple[Effect, ...]:
    """Return what a flight needs done, seen from its state alone.

    For whoever cannot know whether an effect was carried out (after a restart) or closes a leg
    without news (:func:`settle_leg`). Safe to carry out again: the customer is started only while
    there is no customer leg, so store that leg together with the answer it follows from.
    """
    customers = [leg for leg in flight.legs if leg.role is Role.CUSTOMER]
    agents = [leg for leg in flight.legs if leg.role is Role.AGENT]
    if not agents:
        return ()
    if not customers:
        ready = [leg for leg in agents if leg.state is LegState.ANSWERED]
        return tuple(StartCustomerLeg(leg.channel) for leg in ready[:1])
    if not any(leg.is_open for leg in agents):
        # The agent left; a contact who is not connected yet would be answered by nobody. One who
        # is connected may have been handed on to somebody else, and ends with the bridge if not.
        return tuple(HangUp(leg.id) for leg in customers if leg.is_open and not leg.connected_at)
    if not any(leg.is_open for leg in customers):
        return tuple(HangUp(leg.id) for leg in agents if leg.is_open)
    return ()


def _leg_after(leg: Leg, event: CallEvent, *, needs_agent: bool, max_talk: float) -> Leg:
    needs_agent = needs_agent and leg.role is Role.CUSTOMER
    if leg.state in {LegState.RESERVED, LegState.RELEASED}:
        return leg  # Never written to the wire: news of it cannot be about our call.
    if not leg.is_open:
        return _upgraded(leg, event, needs_agent=needs_agent)
    leg = replace(
        _learnt(leg, event),
        state=step_leg(leg.state, _LEG_EVENT[event.news]),
        channel=event.channel or leg.channel,
    )
    match event.news:
        case CallNews.ANSWERED | CallNews.CONNECTED:
            talk_ends = event.at + timedelta(seconds=max_talk)
            return replace(leg, resolve_by=max(leg.resolve_by, talk_ends))
        case CallNews.ENDED:
            disposition = _read(leg, event, needs_agent=needs_agent)
            return replace(leg, evidence=event.evidence, disposition=disposition)
    return leg


def _learnt(leg: Leg, event: CallEvent) -> Leg:
    """Note when it happened: the earliest told, so that the order of the news does not matter."""
    match event.news:
        case CallNews.RINGING:
            return replace(leg, ringing_at=_earlier(leg.ringing_at, event.at))
        case CallNews.ANSWERED:
            return replace(leg, answered_at=_earlier(leg.answered_at, event.at))
        case CallNews.CONNECTED:
            answered_at = _earlier(leg.answered_at, event.at)
            connected_at = _earlier(leg.connected_at, event.at)
            return replace(leg, answered_at=answered_at, connected_at=connected_at)
        case CallNews.ENDED:
            return replace(leg, ended_at=_earlier(leg.ended_at, event.at))
    return leg


def _earlier(known: datetime | None, told: datetime) -> datetime:
    return told if known is None else min(known, told)


def _read(leg: Leg, event: CallEvent, *, needs_agent: bool) -> Disposition:
    if event.disposition is _D.ANSWERED_MACHINE:
        return _D.ANSWERED_MACHINE
    if leg.answered_at or event.disposition is _D.ANSWERED_HUMAN:
        return _D.ABANDONED if needs_agent and not leg.connected_at else _D.ANSWERED_HUMAN
    return event.disposition or _D.FAILED


def _upgraded(leg: Leg, event: CallEvent, *, needs_agent: bool) -> Leg:
    told: Disposition | None = None
    learnt = _learnt(leg, event)
    match event.news:
        case CallNews.CONNECTED:
            told = _D.ANSWERED_HUMAN
        case CallNews.ENDED:
            told = _read(learnt, event, needs_agent=needs_agent)
        case CallNews.ANSWERED if leg.ended_at:
            # Its end was told before its answer. Where the end is unknown it is waited for,
            # because it tells a person from a machine.
            told = _read(learnt, event, needs_agent=needs_agent)
    if leg.state is LegState.NOT_PLACED and told and not meaning(told).reached_contact:
        return leg  # A carrier's echo of its refusal; only a phone that rang refutes the proof.
    if told is None or not is_upgrade(leg.disposition, told):
        return learnt
    evidence = event.evidence if event.news is CallNews.ENDED else leg.evidence
    return replace(learnt, disposition=told, evidence=evidence)


def settle_leg(
    leg: Leg, event: LegEvent, at: datetime, *, disposition: Disposition | None, evidence: Evidence
) -> Leg:
    """Close a leg by decision rather than by news: released, proved not placed, or given up.

    ``ended_at`` stays empty unless the leg was released: when a call ended is for carriers to tell.
    A contact who was connected stays reached, even if nobody knows how the call ended.
    """
    if event is LegEvent.GIVE_UP and leg.connected_at:
        disposition = _D.ANSWERED_HUMAN
    return replace(
        leg,
        state=step_leg(leg.state, event),
        ended_at=at if event is LegEvent.RELEASE else leg.ended_at,
        disposition=disposition,
        evidence=evidence,
    )


def is_over(flight: Flight) -> bool:
    """Whether no leg can be heard of any more, so that the attempt can be concluded."""
    return not any(leg.is_open for leg in flight.legs)


def reached_contact(flight: Flight) -> bool:
    """Whether the contact's phone may have rung, so that the attempt counts against the caps."""
    return any(
        leg.ringing_at
        or leg.answered_at
        or (leg.disposition is not None and meaning(leg.disposition).reached_contact)
        for leg in flight.legs
        if leg.role is Role.CUSTOMER
    )


def conclude(flight: Flight, at: datetime) -> Flight:
    """Close the attempt from its legs; ``disposition`` None means that nobody was called.

    Concluding again, after late news of a leg, corrects the figures and keeps ``closed_at``.
    """
    before = flight.attempt
    attempt: Attempt = replace(
        before,
        closed_at=before.closed_at or at,
        disposition=_attempt_disposition(flight.legs),
        talk_seconds=sum(_talk_seconds(leg) for leg in flight.legs if leg.role is Role.CUSTOMER),
    )
    used = flight.callback.used + _held(attempt) - _held(before)
    return replace(flight, attempt=attempt, callback=replace(flight.callback, used=used))


def _held(attempt: Attempt) -> int:
    """Count 1 for an attempt that was held against the contact when it closed, else 0."""
    if attempt.closed_at is None or attempt.disposition is None:
        return 0
    return int(meaning(attempt.disposition).uses_attempt)


def _talk_seconds(leg: Leg) -> float:
    start = leg.connected_at or leg.answered_at
    if leg.disposition is not _D.ANSWERED_HUMAN or not start or not leg.ended_at:
        return 0.0
    return max(0.0, (leg.ended_at - start).total_seconds())


def _reach(disposition: Disposition) -> int:
    what = meaning(disposition)
    return what.certainty if what.reached_contact else -1


def _attempt_disposition(legs: tuple[Leg, ...]) -> Disposition | None:
    # After a failover the newest word counts, unless an earlier leg did reach the contact.
    told = [one.disposition for one in reversed(legs) if one.role is Role.CUSTOMER]
    known = [one for one in told if one is not None]
    agents = [one for one in legs if one.role is Role.AGENT]
    if known or not agents:
        return max(known, key=_reach, default=None)
    agent = agents[-1].disposition
    if agent in {_D.FAILED, _D.CONGESTION, _D.INVALID_NUMBER}:
        return _D.FAILED
    # Whether or not the agent answered, the contact was never called. That is not the same as
    # nobody called: an agent's phone must not ring again at once.
    return None if agent is None else _D.AGENT_NO_ANSWER
