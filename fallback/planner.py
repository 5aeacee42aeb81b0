"""The planner that always works: retry rules inside the law, the deadline and the wishes.

It reads no clock and draws no random number: the same question has the same answer. Times are
UTC, durations seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fallback import wording
from fallback.rules import (
    RuleBook,
    RuleSet,
    choose_number,
    ended_at,
    fraction,
    misses_by_part,
    occurrences,
    rang_at,
    used_attempts,
)
from gateway.domain.caps import CapReached, count_attempt
from gateway.domain.change import Stop
from gateway.domain.disposition import Disposition, meaning
from gateway.domain.machine import CallbackEvent
from gateway.domain.model import Guard, Plan, PreferredWindow
from gateway.domain.windows import CountryRule, Hours, Law, Open, parse_zone
from gateway.ports import PlanQuestion

__all__ = ["RulePlanner"]

_QUARTER = 900.0
# A call planned for the very last moment would be picked up too late.
_ROOM = timedelta(seconds=60)
_EVERY_DAY, _DAY = frozenset(range(7)), 24 * 60
_MAX_TRIES = 100
_REMEMBERED = 1024


class RulePlanner:
    """Plans by rules alone; implements the ``Planner`` port. Never raises.

    The times found for new callbacks are remembered: requests that come together, from one zone
    and with the same wishes, ask the same. It is the same answer, only sooner.
    """

    def __init__(self, book: RuleBook, law: Law) -> None:
        self._book = book
        self._soft = law.soft_wishes
        # Wishes are looked for first, even where they do not bind.
        self._law = replace(law, soft_wishes=frozenset())
        self._first: dict[object, _Answer | Stop] = {}

    async def plan(self, question: PlanQuestion) -> Plan | Stop:
        """Answer with a plan inside law and deadline, or the reason to stop."""
        return self.decide(question)

    def decide(self, question: PlanQuestion) -> Plan | Stop:
        """Answer like :meth:`plan`, at once."""
        rules = self._book.pick(question.callback.queue, question.contact.country)
        if stop := _used_up(question, rules):
            return stop
        number = choose_number(question.contact, question.history, rules)
        if number is None:
            return Stop(
                event=CallbackEvent.BLOCK, reason="no number of the contact is known to work"
            )
        answer = self._answer(question, rules, number)
        if isinstance(answer, Stop):
            return answer
        return Plan(
            due_at=answer.search.jittered(answer.found, question.callback.id),
            number=number,
            decider=rules.decider,
            reasons=answer.reasons,
            made_at=question.now,
        )

    def _answer(self, question: PlanQuestion, rules: RuleSet, number: str) -> _Answer | Stop:
        if question.history:
            return self._search(question, rules, number)
        contact, callback = question.contact, question.callback
        # All that a first time depends on; whose number it is, and which id, is not among it.
        key = (
            *(callback.queue, callback.preferred, callback.deadline, question.now),
            *(contact.zone, contact.country, contact.subdivision),
        )
        known = self._first.get(key)
        if known is None:
            if len(self._first) >= _REMEMBERED:
                self._first.clear()
            known = self._first[key] = self._search(question, rules, number)
        return known

    def _search(self, question: PlanQuestion, rules: RuleSet, number: str) -> _Answer | Stop:
        zone, country = parse_zone(question.contact.zone), self._law.rule(question.contact)
        verdict = self._law.allows(question.contact, question.callback.queue, question.now)
        if zone is None or country is None:
            reason = "" if isinstance(verdict, Open) else verdict.reason
            return Stop(event=CallbackEvent.BLOCK, reason=reason)
        search = _Search(question, rules, self._law, zone, country)
        binding = question.callback.queue not in self._soft
        found = search.best(binding=binding)
        if found is None:
            closed = "" if isinstance(verdict, Open) else verdict.reason
            reason = wording.no_time(closed, wished=binding and bool(question.callback.preferred))
            return Stop(event=CallbackEvent.EXPIRE, reason=reason)
        reasons = wording.reasons(question, rules, found, zone, number)
        return _Answer(search, found, reasons)


def _used_up(question: PlanQuestion, rules: RuleSet) -> Stop | None:
    """Say why there is no further attempt whatever the time, or None."""
    history, last = question.history, question.history[-1] if question.history else None
    if any(one.disposition is Disposition.ANSWERED_HUMAN for one in history):
        return Stop(event=CallbackEvent.COMPLETE, reason="the contact was reached")
    if used_attempts(history) >= rules.max_attempts:
        return Stop(event=CallbackEvent.EXHAUST, reason=wording.used_up(question))
    if last:
        most = rules.rule(last.disposition).most
        count = occurrences(history)
        if most is not None and count >= most:
            what = wording.result(last.disposition)
            return Stop(
                event=CallbackEvent.EXHAUST, reason=f"{what}: {count} times, at most {most}"
            )
    if question.now > question.callback.deadline:
        return Stop(event=CallbackEvent.EXPIRE, reason="the deadline passed")
    return None


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for the time of one callback's next attempt."""

    question: PlanQuestion
    rules: RuleSet
    law: Law
    zone: ZoneInfo
    country: CountryRule

    def best(self, *, binding: bool) -> wording.Found | None:
        """Try the rule's delay, then the shortest; with the wishes, then (not binding) without."""
        wishes = self.question.callback.preferred
        delayed, soonest = self._earliest(), self._soonest()
        for outside_wish in (False, True) if wishes and not binding else (False,):
            wanted = () if outside_wish else wishes
            for earliest in dict.fromkeys((delayed, soonest)):
                found = self._slot(earliest, wanted)
                if found is not None:
                    at, part = found
                    return wording.Found(
                        at=at,
                        until=self._until(at, wanted),
                        earliest=earliest,
                        closed=self._closed(earliest, wanted),
                        part=part,
                        last_chance=earliest < delayed,
                        outside_wish=outside_wish,
                    )
        return None

    def _closed(self, at: datetime, wishes: Sequence[PreferredWindow]) -> str:
        """Say why there is no call at ``at``; by the hours it may be allowed, then it is caps."""
        verdict = self.law.allows(self.question.contact, self.question.callback.queue, at, wishes)
        return "called often enough" if isinstance(verdict, Open) else verdict.reason

    def _until(self, at: datetime, wishes: Sequence[PreferredWindow]) -> datetime:
        """Return the end of the allowed time that ``at`` is in."""
        verdict = self.law.allows(self.question.contact, self.question.callback.queue, at, wishes)
        return verdict.until if isinstance(verdict, Open) else at

    def jittered(self, found: wording.Found, callback_id: str) -> datetime:
        """Move the call inside its quarter of an hour, so that not all start in one second."""
        at, moved = found.at, found.at > found.earliest
        wait = (found.earliest - self.question.now).total_seconds()
        span = self.rules.jitter if moved else min(self.rules.jitter, wait / 4)
        span = min(span, _QUARTER - at.timestamp() % _QUARTER)
        end = min(found.until, max(at, self.question.callback.deadline - _ROOM))
        span = min(span, (end - at).total_seconds())
        n = len(self.question.history) + 1
        return at + timedelta(seconds=int(span * fraction(callback_id, n)))

    def _earliest(self) -> datetime:
        """Return when the rule for the last result would like to try again."""
        history = self.question.history
        if not history:
            return self.question.now
        delay = self.rules.rule(history[-1].disposition).delay(occurrences(history))
        return max(self._soonest(), ended_at(history[-1]) + timedelta(seconds=delay))

    def _soonest(self) -> datetime:
        """Return the time before which no result so far allows another attempt."""
        floors = [
            ended_at(one) + timedelta(seconds=self.rules.rule(one.disposition).at_least)
            for one in self.question.history
        ]
        return max([self.question.now, *floors])

    def _slot(
        self, earliest: datetime, wishes: Sequence[PreferredWindow]
    ) -> tuple[datetime, str] | None:
        """Return the best lawful time from ``earliest`` on and the day part chosen on purpose."""
        first = self._lawful(earliest, wishes)
        history = self.question.history
        if first is None:
            return None
        if not history or not self.rules.rule(history[-1].disposition).spread:
            return first, ""
        missed = misses_by_part(history, self.rules, self.zone)
        latest = first + timedelta(seconds=self.rules.spread_within)
        options = [(missed[self.rules.part_of(first, self.zone)], first, "")]
        for part in self.rules.day_parts:
            inside = _both(wishes, part.hours)
            at = self._lawful(first, inside) if inside else None
            if at is not None and at <= latest:
                options.append((missed[part.name], at, part.name))
        _, at, name = min(options)
        return at, name or self.rules.part_of(at, self.zone)

    def _lawful(self, earliest: datetime, wishes: Sequence[PreferredWindow]) -> datetime | None:
        """Return the first time inside window, caps and deadline, or None."""
        question, guard = self.question, self._guard()
        for _ in range(_MAX_TRIES):
            at = self.law.next_open(question.contact, question.callback.queue, earliest, wishes)
            if at is None or at > question.callback.deadline:
                return None
            counted = count_attempt(
                guard,
                at,
                self.zone,
                cap_day=self.country.cap_day,
                cap_week=self.country.cap_week,
                min_gap=self.country.min_gap,
            )
            if not isinstance(counted, CapReached):
                return at
            earliest = counted.until
        return None

    def _guard(self) -> Guard:
        """Count what this callback's attempts already took from the contact's caps."""
        recent = sorted(
            rang_at(one)
            for one in self.question.history
            if one.disposition is not None and meaning(one.disposition).reached_contact
        )
        gap = timedelta(seconds=self.country.min_gap)
        return Guard(
            key="", recent=tuple(recent), next_allowed_at=recent[-1] + gap if recent else None
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    """A time that was found, and why it is that one."""

    search: _Search
    found: wording.Found
    reasons: tuple[str, ...]


def _both(wishes: Sequence[PreferredWindow], hours: Sequence[Hours]) -> list[PreferredWindow]:
    """Return the wishes (none: any day) cut to these hours of the day."""
    wanted = wishes or [PreferredWindow(weekdays=_EVERY_DAY, start_minute=0, end_minute=_DAY)]
    cut = [
        replace(
            wish,
            start_minute=max(wish.start_minute, part.start),
            end_minute=min(wish.end_minute, part.end),
        )
        for wish in wanted
        for part in hours
    ]
    return [one for one in cut if one.start_minute < one.end_minute]
