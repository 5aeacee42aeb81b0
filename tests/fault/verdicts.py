"""The rules the auditor holds the database and the PBX's own records to; each finding is red.

LOST: a callback that was accepted and is forgotten. TWICE: a person who was, or could have been,
called when nobody may have called. Standard library alone; nothing of Kairos is known here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tests.fault.books import Attempt, Books, Callback, Leg
from tests.fault.pbx_side import NEVER_RANG, Call, PbxSide

_NEVER_SENT: Final = frozenset({"RESERVED", "RELEASED"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: ``verdict`` is ``lost`` or ``twice``, ``rule`` its short name."""

    verdict: str
    rule: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How to judge.

    ``prefix``: how our channel ids begin. ``agentless``: dialplan contexts where an answered person
    needs no agent. ``slack``: seconds by which two clocks or two ways may differ. ``finished``: the
    gateway had all the time it needed, so nothing may still be open or overdue.
    """

    prefix: str = "kairos"
    agentless: frozenset[str] = frozenset({"kairos-talk"})
    slack: float = 0.5
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Dialed:
    """A call to a contact, from both sides."""

    call: Call
    leg: Leg
    attempt: Attempt

    @property
    def began(self) -> float:
        return self.call.began or 0.0


def dialed(books: Books, side: PbxSide) -> list[Dialed]:
    """Return every call to a contact that both sides know, in order of time."""
    found = [
        Dialed(call, leg, books.attempts[leg.attempt_id])
        for call in side.calls.values()
        if call.existed
        and (leg := books.legs.get(call.channel_id)) is not None
        and leg.role == "customer"
    ]
    return sorted(found, key=lambda one: one.began)


def judge(
    books: Books, side: PbxSide, accepted: Iterable[str], terms: Terms, now: float
) -> list[Finding]:
    """Return every breach."""
    calls = dialed(books, side)
    return [
        *_lost(books, accepted, terms, now),
        *_unknown(books, side, terms),
        *_sent_again(books, side),
        *_too_close(calls, terms),
        *_at_once(calls, terms),
        *_after_an_answer(calls, terms),
    ]


def _lost(books: Books, accepted: Iterable[str], terms: Terms, now: float) -> Iterator[Finding]:
    kept = {callback.key for callback in books.callbacks.values()}
    for key in accepted:
        if key not in kept:
            yield Finding("lost", "accepted, not kept", key, "is in no row of the database")
    attempts, legs = books.attempts_of(), books.legs_of()
    for callback in books.callbacks.values():
        under_way = [one for one in attempts[callback.id] if one.closed is None]
        forgotten = under_way and not any(leg.is_open for leg in legs[under_way[0].id])
        problem = _standing(callback, len(under_way), terms, now)
        if not problem and forgotten:
            problem = "has an open attempt that nothing will ever close"
        if problem:
            yield Finding("lost", "forgotten", callback.id, problem)


def _standing(callback: Callback, under_way: int, terms: Terms, now: float) -> str:
    """Return what is wrong with how a callback stands, with so many attempts under way."""
    if callback.state == "SCHEDULED":
        if callback.due is None:
            return "is scheduled for no time"
        if terms.finished and callback.due < now - terms.slack:
            return f"has been due for {now - callback.due:.1f} s"
        return "is scheduled, and an attempt is open" if under_way else ""
    if callback.is_closed:
        return "is closed, and an attempt is open" if under_way else ""
    if under_way != 1:
        return f"is {callback.state} with {under_way} open attempts"
    return "is still under way although everything had time to end" if terms.finished else ""


def _unknown(books: Books, side: PbxSide, terms: Terms) -> Iterator[Finding]:
    """Find calls that the database does not know, or denies."""
    for call in side.calls.values():
        leg = books.legs.get(call.channel_id)
        if leg is None:
            if call.channel_id.startswith(terms.prefix) or call.number.startswith("+"):
                yield Finding("twice", "unknown call", call.channel_id, "has no leg in the books")
        elif leg.state in _NEVER_SENT and (call.existed or call.orders):
            text = f"the books say {leg.state}, but it came to the PBX"
            yield Finding("twice", "denied call", leg.id, text)
        elif leg.state == "NOT_PLACED" and call.existed:
            yield Finding("twice", "denied call", leg.id, "proved not placed, but it was placed")
    for call in side.nameless:
        if call.number.startswith("+"):
            when = f"a call at {call.began:.3f} that no channel of ours explains"
            yield Finding("twice", "unknown call", f"…{call.number[-2:]}", when)


def _sent_again(books: Books, side: PbxSide) -> Iterator[Finding]:
    per_attempt: dict[str, list[str]] = defaultdict(list)
    for call in side.calls.values():
        leg = books.legs.get(call.channel_id)
        if leg is None:
            continue
        if (most := max(call.orders, call.channels, call.placed)) > 1:
            yield Finding("twice", "one leg, sent again", leg.id, f"came to the PBX {most} times")
        if leg.role == "customer" and call.existed:
            per_attempt[leg.attempt_id].append(leg.id)
    for attempt_id, legs in per_attempt.items():
        if len(legs) > 1:
            text = f"{len(legs)} calls to the contact: {', '.join(legs)}"
            yield Finding("twice", "one attempt, two calls", attempt_id, text)


def _too_close(calls: list[Dialed], terms: Terms) -> Iterator[Finding]:
    """Find two calls to one person, or to one number, closer than the gap that was in force."""
    seen: set[tuple[str, str]] = set()
    for group in _grouped(calls):
        for before, after in pairwise(group):
            pair = (before.leg.id, after.leg.id)
            if before.call.meant in NEVER_RANG or pair in seen:
                continue
            gap = after.began - before.began
            if gap < after.attempt.min_gap - terms.slack:
                seen.add(pair)
                text = f"{gap:.2f} s after {before.leg.id}, not {after.attempt.min_gap:g} s"
                yield Finding("twice", "too soon", after.leg.id, text)


def _grouped(calls: list[Dialed]) -> list[list[Dialed]]:
    groups: dict[str, list[Dialed]] = defaultdict(list)
    for one in calls:
        groups[f"contact {one.attempt.contact_id}"].append(one)
        groups[f"number {one.attempt.number}"].append(one)
    return list(groups.values())


def _at_once(calls: list[Dialed], terms: Terms) -> Iterator[Finding]:
    groups: dict[str, list[Dialed]] = defaultdict(list)
    for one in calls:
        groups[one.attempt.number].append(one)
    for group in groups.values():
        latest = group[0]
        for one in group[1:]:
            ended = latest.call.ended
            if ended is None or ended > one.began + terms.slack:
                text = f"began while {latest.leg.id} to the same number went on"
                yield Finding("twice", "two at once", one.leg.id, text)
            if ended is not None and (one.call.ended is None or one.call.ended > ended):
                latest = one


def _after_an_answer(calls: list[Dialed], terms: Terms) -> Iterator[Finding]:
    reached: dict[str, Dialed] = {}
    for one in calls:
        before = reached.get(one.leg.callback_id)
        if before is not None:
            text = f"their callback had been made by {before.leg.id}"
            yield Finding("twice", "called though reached", one.leg.id, text)
        elif one.call.reached_somebody(terms.agentless) is not None:
            reached[one.leg.callback_id] = one
