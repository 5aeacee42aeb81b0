"""The whole way of one callback, as something to read."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gateway.cli.present import (
    DISPOSITION_STYLE,
    STATE_STYLE,
    evidence_text,
    moment,
    number_text,
    span_text,
    window_text,
    zone_of,
)
from gateway.domain.model import Attempt, Leg, Role, Step
from gateway.observability import redact_text
from gateway.ports import History

__all__ = ["timeline"]

_WORDS: Final = {
    "attempt_over": "result",
    "put_off": "put off",
    "add_leg": "next leg",
    "done": "closed",
    "exhausted": "closed",
    "expired": "closed",
    "canceled": "closed",
    "blocked": "closed",
}
_DAY: Final = "%A %d %B %Y"
_WORD_WIDTH: Final = 9
_STRONG: Final = {"requested", "reserved", "attempt_over", "upgraded"} | {
    kind for kind, word in _WORDS.items() if word == "closed"
}


def timeline(history: History, *, reveal: bool) -> RenderableType:
    """Show who it was about, what happened when and why, and what the carriers said."""
    zone = zone_of(history.contact)
    parts: list[RenderableType] = [_head(history), _facts(history, zone, reveal=reveal)]
    parts += [
        Text(f"\n{_clock_note(history, zone)}", style="dim"),
        _steps(history, zone, reveal=reveal),
    ]
    if history.attempts:
        parts.append(_attempts(history, zone, reveal=reveal))
    return Group(*parts)


def _head(history: History) -> Text:
    callback = history.callback
    style = f"bold {STATE_STYLE.get(callback.state, '')}"
    text = Text.assemble((callback.state.value, style), f"  {callback.state_reason}")
    text.append(f"\n{callback.id}", style="dim")
    return text


def _facts(history: History, zone: ZoneInfo | None, *, reveal: bool) -> RenderableType:
    callback, contact = history.callback, history.contact
    numbers = [
        number_text(one.e164, reveal=reveal)
        + (" (does not exist)" if one.invalid_since is not None else "")
        for one in contact.numbers
    ]
    where = ", ".join(filter(None, (contact.country, contact.subdivision, contact.zone)))
    name = contact.name if reveal else ""
    windows = "; ".join(window_text(one) for one in callback.preferred)
    plan = callback.plan
    rows = {
        "Contact": f"{name} {', '.join(numbers)} ({where or 'place unknown'})".strip(),
        "Prefers": windows,
        "Queue": callback.queue,
        "Reason": callback.reason if reveal else redact_text(callback.reason),
        "Requested": f"{moment(callback.requested_at, zone)}  via {callback.source}",
        "Deadline": moment(callback.deadline, zone),
        "Next try": f"{moment(callback.due_at, zone)}  by {plan.decider if plan else 'nobody'}"
        if callback.due_at
        else "",
        "Because": "; ".join(plan.reasons) if plan and callback.due_at else "",
        "Attempts": f"{callback.attempts} made, {callback.used} held against the contact",
    }
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name_of, value in rows.items():
        if value:
            table.add_row(name_of, Text(value))
    return Padding(table, (1, 0, 0, 0))


def _clock_note(history: History, zone: ZoneInfo | None) -> str:
    if zone is None:
        return "Times are UTC: the contact's time zone is not known."
    sign = moment(history.callback.requested_at, zone, "%Z")
    return f"Times are the contact's own, {history.contact.zone} ({sign})."


def _steps(history: History, zone: ZoneInfo | None, *, reveal: bool) -> RenderableType:
    steps = sorted(history.steps, key=lambda one: one.at)
    parts: list[RenderableType] = []
    for day, of_day in itertools.groupby(steps, lambda one: moment(one.at, zone, _DAY)):
        parts += [Text(f"\n{day}", style="bold"), _day(of_day, zone, reveal=reveal)]
    return Group(*parts)


def _day(steps: Iterable[Step], zone: ZoneInfo | None, *, reveal: bool) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, min_width=_WORD_WIDTH)
    table.add_column()
    for step in steps:
        text = step.text if reveal else redact_text(step.text)
        word = _WORDS.get(step.kind, step.kind.replace("_", " "))
        table.add_row(
            Text(moment(step.at, zone, "%H:%M:%S.%f")[:-5], style="dim"),
            Text(word, style="bold" if step.kind in _STRONG else ""),
            Text(_with_data(step, text, zone)),
        )
    return table


def _with_data(step: Step, text: str, zone: ZoneInfo | None) -> str:
    until = step.data.get("due_at") or step.data.get("until")
    parts = []
    if isinstance(until, str):
        parts.append(f"for {moment(datetime.fromisoformat(until), zone, '%a %H:%M:%S')}")
    if decider := step.data.get("decider"):
        parts.append(f"by {decider}")
    if talked := step.data.get("talk_seconds"):
        parts.append(f"talked {span_text(float(talked))}")
    told = " ".join(parts)
    return f"{told}: {text}" if told and step.kind == "planned" else f"{text} {told}".strip()


def _attempts(history: History, zone: ZoneInfo | None, *, reveal: bool) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, title="\nAttempts", title_justify="left", pad_edge=False)
    for heading in ("#", "To", "Through", "Sent", "Rang", "Answered", "Ended", "Result"):
        table.add_column(heading, no_wrap=heading != "Result")
    for attempt in history.attempts:
        for row in _attempt_rows(attempt, history.legs, zone, reveal=reveal):
            table.add_row(*row)
    return table


def _attempt_rows(
    attempt: Attempt, legs: tuple[Leg, ...], zone: ZoneInfo | None, *, reveal: bool
) -> Iterator[tuple[RenderableType, ...]]:
    ours = [leg for leg in legs if leg.attempt_id == attempt.id]
    for place, leg in enumerate(ours):
        to = number_text(leg.target, reveal=reveal) if leg.role is Role.CUSTOMER else "agent"
        disposition = leg.disposition.value if leg.disposition else leg.state.value.lower()
        result = Text(disposition, style=DISPOSITION_STYLE.get(disposition, ""))
        if told := evidence_text(leg.evidence):
            result.append(f"  {redact_text(told)}", style="dim")
        yield (
            str(attempt.n) if place == 0 else "",
            to,
            leg.carrier,
            moment(leg.sending_at, zone, "%H:%M:%S"),
            _later(leg.sending_at, leg.ringing_at),
            _later(leg.sending_at, leg.answered_at),
            _later(leg.sending_at, leg.ended_at),
            result,
        )


def _later(start: datetime | None, at: datetime | None) -> str:
    if start is None or at is None:
        return "-"
    return f"+{span_text(max(0.0, (at - start).total_seconds()))}"
