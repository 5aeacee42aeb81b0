"""The rules' decisions in plain words, for people who ask why a callback is due when it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fallback.rules import RuleSet, ended_at, rang_at, used_attempts
from gateway.domain.disposition import Disposition
from gateway.ports import PlanQuestion

__all__ = ["Found", "no_time", "reasons", "result"]

_RESULT = {
    Disposition.ANSWERED_HUMAN: "the contact was reached",
    Disposition.ANSWERED_MACHINE: "an answering machine answered",
    Disposition.ABANDONED: "the contact answered and nobody was free",
    Disposition.AGENT_NO_ANSWER: "no agent picked up",
    Disposition.BUSY: "busy",
    Disposition.NO_ANSWER: "no answer",
    Disposition.REJECTED: "the call was declined",
    Disposition.CONGESTION: "the network had no room",
    Disposition.INVALID_NUMBER: "the number does not work",
    Disposition.FAILED: "the call failed technically",
    Disposition.CANCELED: "the call was withdrawn",
    Disposition.UNRESOLVED: "how the call ended is not known",
    None: "the order was not sent",
}
_ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A time for the next attempt, allowed until ``until``, looked for from ``earliest``; all UTC.

    ``closed``: why it is later than ``earliest``. ``part``: the day part chosen because of earlier
    misses. ``last_chance``: the usual delay had no time left. ``outside_wish``: none of the
    contact's preferred times was possible.
    """

    at: datetime
    until: datetime
    earliest: datetime
    closed: str
    part: str
    last_chance: bool
    outside_wish: bool


def result(disposition: Disposition | None) -> str:
    """Say what became of an attempt."""
    return _RESULT[disposition]


def no_time(closed: str, *, wished: bool) -> str:
    """Say that there is no time for another attempt; ``closed`` is why there is none now."""
    what = "time that suits the contact" if wished else "allowed time"
    return f"no {what} before the deadline" + (f" ({closed} now)" if closed else "")


def reasons(
    question: PlanQuestion, rules: RuleSet, found: Found, zone: ZoneInfo, number: str
) -> tuple[str, ...]:
    """Say why this time and this number, one sentence each, in the contact's local time."""
    lines = [_why(question, rules, found, zone), _count(question, rules)]
    if found.last_chance:
        lines.append("the usual delay would pass the deadline: last chance before it")
    if found.outside_wish:
        lines.append("no preferred time of the contact is left before the deadline: any lawful one")
    if found.at > found.earliest and not found.part:
        lines.append(f"not before {_time(found.at, zone)}, local time: {found.closed} until then")
    if question.history and number != question.history[-1].number:
        lines.append("the contact's next number: the one before had its turn")
    return tuple(lines)


def _why(question: PlanQuestion, rules: RuleSet, found: Found, zone: ZoneInfo) -> str:
    if not question.history:
        soon = found.at <= question.now
        return "first attempt: " + ("at once" if soon else "at the next allowed time")
    last = question.history[-1]
    what = result(last.disposition)
    if found.part:
        missed = _moment(rang_at(last), question.now, rules, zone)
        return f"{what} {missed}: tried again in the {found.part}"
    if found.at <= question.now:
        return f"{what}: tried again at once"
    return f"{what}: tried again after {_length(found.at - ended_at(last))}"


def _count(question: PlanQuestion, rules: RuleSet) -> str:
    n = used_attempts(question.history) + 1
    return f"{_ORDINALS.get(n, f'{n}th')} of {rules.max_attempts} attempts{_others(question)}"


def used_up(question: PlanQuestion) -> str:
    """Say that there are no attempts left."""
    return f"all {used_attempts(question.history)} attempts are used up{_others(question)}"


def _others(question: PlanQuestion) -> str:
    others = len(question.history) - used_attempts(question.history)
    return f", {others} more not held against the contact" if others else ""


def _moment(at: datetime, now: datetime, rules: RuleSet, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    part = rules.part_of(at, zone) or "day"
    days = (now.astimezone(zone).date() - local.date()).days
    if days <= 1:
        return f"{'yesterday' if days else 'this'} {part}"
    return f"on {local:%a} {local.day} {local:%b} in the {part}"


def _time(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def _length(wait: timedelta) -> str:
    seconds = wait.total_seconds()
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            amount = f"{round(seconds / size, 1):g}"
            return f"{amount} {unit}{'' if amount == '1' else 's'}"
    return f"{seconds:.0f} seconds"
