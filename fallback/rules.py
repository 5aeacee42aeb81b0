"""Retry rules: what follows each result of a call. Pure data and the small decisions on it.

Durations are in seconds. An attempt without a disposition never left the house; its rule has the
key None.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.domain.disposition import Disposition, meaning
from gateway.domain.model import Attempt, Contact
from gateway.domain.windows import Hours

__all__ = [
    "AfterResult",
    "DayPart",
    "RuleBook",
    "RuleSet",
    "choose_number",
    "ended_at",
    "fraction",
    "misses_by_part",
    "occurrences",
    "rang_at",
    "used_attempts",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterResult:
    """What follows one kind of result.

    ``delays``: the wait after the first, second, ... such result, the last one repeating.
    ``at_least``: the wait is never shorter. ``most``: so many such results end the callback.
    ``spread``: next time in another part of the day. ``next_number``: leave this number at once.
    """

    delays: tuple[float, ...]
    at_least: float
    most: int | None = None
    spread: bool = False
    next_number: bool = False

    def delay(self, occurrence: int) -> float:
        """Return the wait after the ``occurrence``-th (from 1) such result."""
        wanted = self.delays[min(max(occurrence, 1), len(self.delays)) - 1]
        return max(wanted, self.at_least)


_NOTHING = AfterResult(delays=(0.0,), at_least=0.0)


@dataclass(frozen=True, slots=True)
class DayPart:
    """A part of the contact's day, like the morning."""

    name: str
    hours: tuple[Hours, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """One set of rules, complete for one country. ``version`` changes whenever a rule does."""

    name: str
    version: str
    max_attempts: int
    after: Mapping[Disposition | None, AfterResult]
    jitter: float = 900.0
    spread_within: float = 86400.0
    rotate_after: int = 2
    day_parts: tuple[DayPart, ...] = ()

    def rule(self, disposition: Disposition | None) -> AfterResult:
        """Return what follows a result; after one that has no rule there is nothing to wait for."""
        return self.after.get(disposition, _NOTHING)

    @property
    def decider(self) -> str:
        """How a plan made by this set is signed."""
        return f"rule:{self.name}@{self.version}"

    def part_of(self, at: datetime, zone: ZoneInfo) -> str:
        """Return the name of the part of the local day that ``at`` (UTC) is in, or ``""``."""
        local = at.astimezone(zone)
        minute = local.hour * 60 + local.minute
        for part in self.day_parts:
            if any(hours.start <= minute < hours.end for hours in part.hours):
                return part.name
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """Every set in force: by name, with those for single countries, and which queue uses which.

    A queue that is not named uses ``default``.
    """

    sets: Mapping[str, RuleSet]
    default: str
    countries: Mapping[tuple[str, str], RuleSet] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)

    def pick(self, queue: str, country: str | None) -> RuleSet:
        """Return the set for a queue and the contact's country."""
        name = self.queues.get(queue, self.default)
        return self.countries.get((name, country or "")) or self.sets[name]


def rang_at(attempt: Attempt) -> datetime:
    """Return when the contact's phone can have begun to ring (UTC)."""
    return attempt.placed_at or attempt.reserved_at


def ended_at(attempt: Attempt) -> datetime:
    """Return when the attempt was over (UTC)."""
    return attempt.closed_at or rang_at(attempt)


def used_attempts(history: Iterable[Attempt]) -> int:
    """Count the attempts that are held against the contact."""
    return sum(
        one.disposition is not None and meaning(one.disposition).uses_attempt for one in history
    )


def occurrences(history: Sequence[Attempt]) -> int:
    """Count how often the last result occurred; orders never sent are counted in a row only."""
    last = history[-1].disposition
    if last is not None:
        return sum(one.disposition is last for one in history)
    count = 0
    for one in reversed(history):
        if one.disposition is not None:
            break
        count += 1
    return count


def misses_by_part(history: Iterable[Attempt], rules: RuleSet, zone: ZoneInfo) -> Counter[str]:
    """Count the misses that ask for another part of the day, by the part they were in."""
    return Counter(
        rules.part_of(rang_at(one), zone) for one in history if rules.rule(one.disposition).spread
    )


def choose_number(contact: Contact, history: Sequence[Attempt], rules: RuleSet) -> str | None:
    """Return the number to call next, or None if none of the contact's is known to work.

    The number of the last attempt is kept until it was missed ``rotate_after`` times in a row, or
    its result says to go on to the next; numbers found invalid are left out.
    """
    dead = {one.number for one in history if one.disposition is Disposition.INVALID_NUMBER}
    usable = [
        one.e164 for one in contact.numbers if one.invalid_since is None and one.e164 not in dead
    ]
    if not usable:
        return None
    if not history:
        return usable[0]
    last = history[-1]
    if last.number in usable and not _leave(history, rules):
        return last.number
    order = [one.e164 for one in contact.numbers]
    start = order.index(last.number) + 1 if last.number in order else 0
    following = [one for one in order[start:] + order[:start] if one in usable]
    return following[0]


def _leave(history: Sequence[Attempt], rules: RuleSet) -> bool:
    """Whether the number of the last attempt had its turn."""
    last = history[-1]
    if rules.rule(last.disposition).next_number:
        return True
    if last.disposition is None or not meaning(last.disposition).uses_attempt:
        return False
    in_a_row = 0
    for one in reversed(history):
        if one.number != last.number:
            break
        in_a_row += one.disposition is not None and meaning(one.disposition).uses_attempt
    return in_a_row % rules.rotate_after == 0


def fraction(callback_id: str, n: int) -> float:
    """Return a number from 0 (inclusive) to 1 that depends on the callback and the attempt only."""
    digest = hashlib.sha256(f"{callback_id}/{n}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
