"""Commands that do something to callbacks: ask for one, cancel, another time, at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer
from rich.text import Text

from config.settings import Settings
from gateway.app.intake import CallbackRequest
from gateway.cli.console import note, out, print_json
from gateway.cli.desk import Desk, Reader
from gateway.cli.lookup import known_queue, the_callback
from gateway.cli.present import history_json, number_text, zone_of
from gateway.cli.shell import Shell
from gateway.cli.when import parse_when, said_in_both
from gateway.domain.errors import BadInput, Conflict, NotFound, NotNow
from gateway.domain.machine import CallbackState
from gateway.lifecycle import ExitCode, Failure
from gateway.observability import redact_text
from gateway.ports import History

__all__ = ["Asked", "call", "call_now", "cancel", "reschedule"]

_SOURCE: Final = "command line"
_TOLD: Final = (Failure, BadInput, NotFound, NotNow, Conflict)
_Deed = Callable[[Desk, History], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A callback as it was asked for on the command line; empty where nothing was said."""

    number: str
    name: str = ""
    queue: str | None = None
    reason: str = ""
    deadline: str = ""
    zone: str | None = None
    country: str | None = None
    now: bool = False
    ignore_preferred: bool = False


def call(
    shell: Shell,
    config: Path | None,
    asked: Asked,
    *,
    dry_run: bool,
    reveal: bool,
    as_json: bool,
) -> None:
    """Take one request in, and say what became of it."""
    settings = shell.settings(config)
    known_queue(settings, asked.queue)
    rehearse = _rehearsed if dry_run else _taken
    found, merged = shell.run(rehearse(shell, settings, asked))
    if as_json:
        data = {**history_json(found, reveal=reveal), "merged": merged, "dry_run": dry_run}
        print_json(data)
        return
    if dry_run:
        note("Only tried, nothing is kept. It would be:", "dim")
    elif merged:
        note("This person waits for a call of this queue already; nothing new was made.", "yellow")
    _tell(found, reveal=reveal)


async def _rehearsed(shell: Shell, settings: Settings, asked: Asked) -> tuple[History, bool]:
    async with shell.root.rehearsal(settings) as rehearsal:
        (answer,) = await rehearsal.taker.take([_request(asked)])
        if isinstance(answer, BadInput):
            raise answer
        return await the_callback(rehearsal.reader, answer.callback_id), False


async def _taken(shell: Shell, settings: Settings, asked: Asked) -> tuple[History, bool]:
    async with shell.root.way_in(settings) as way:
        (answer,) = await way.taker.take([_request(asked)])
    if isinstance(answer, BadInput):
        raise answer
    if asked.now:
        await _at_once(shell, settings, answer.callback_id, asked)
    async with shell.root.reader(settings) as reader:
        return await the_callback(reader, answer.callback_id), answer.merged


async def _at_once(shell: Shell, settings: Settings, callback_id: str, asked: Asked) -> None:
    """Make a callback that was just taken in due now."""
    async with shell.root.desk(settings) as desk:
        try:
            await desk.call_now(callback_id, ignore_preferred=asked.ignore_preferred)
        except NotNow as told:
            # It is being called already, or was closed at once: nothing is to be tried again.
            note(f"{told.problem.partition('; ')[0]}.", "dim")
        except BadInput as problem:
            note(f"It was taken in as {callback_id}, for the time the rules chose.", "yellow")
            raise problem from None


def _request(asked: Asked) -> CallbackRequest:
    now = datetime.now(UTC)
    return CallbackRequest(
        numbers=(asked.number,),
        name=asked.name,
        queue=asked.queue or "",
        reason=asked.reason,
        deadline=parse_when(asked.deadline, now, None, "--deadline") if asked.deadline else None,
        zone=asked.zone,
        country=asked.country,
        source=_SOURCE,
    )


def cancel(
    shell: Shell, config: Path | None, ids: Sequence[str], *, reason: str, as_json: bool
) -> None:
    """Call callbacks off; each is told, and one that cannot be does not stop the others."""

    async def each(desk: Desk, found: History) -> None:
        await desk.cancel(found.callback.id, reason=reason)

    _do(shell, config, ids, each, as_json=as_json)


def call_now(
    shell: Shell, config: Path | None, ids: Sequence[str], *, ignore_preferred: bool, as_json: bool
) -> None:
    """Make callbacks due at once."""

    async def each(desk: Desk, found: History) -> None:
        await desk.call_now(found.callback.id, ignore_preferred=ignore_preferred)

    _do(shell, config, ids, each, as_json=as_json)


def reschedule(
    shell: Shell,
    config: Path | None,
    callback_id: str,
    when: str,
    *,
    ignore_preferred: bool,
    as_json: bool,
) -> None:
    """Give a callback another time."""

    async def each(desk: Desk, found: History) -> None:
        zone = zone_of(found.contact)
        at = parse_when(when, datetime.now(UTC), zone)
        note(f"Understood as {said_in_both(at, zone)}.", "dim")
        await desk.reschedule(found.callback.id, at, ignore_preferred=ignore_preferred)

    _do(shell, config, [callback_id], each, as_json=as_json)


def _do(
    shell: Shell, config: Path | None, ids: Sequence[str], each: _Deed, *, as_json: bool
) -> None:
    settings = shell.settings(config)
    after, problems = shell.run(_each(shell, settings, ids, each))
    if as_json:
        print_json({"callbacks": [history_json(one, reveal=False) for one in after]})
    else:
        for one in after:
            _tell(one, reveal=False)
    if problems and len(ids) == 1:
        raise problems[0][1]
    for given, problem in problems:
        note(f"{given}: {problem}", "red")
        if isinstance(problem, Failure) and problem.remedy:
            note(problem.remedy, "dim")
    if problems:
        raise typer.Exit(int(ExitCode.USAGE))


async def _each(
    shell: Shell, settings: Settings, ids: Sequence[str], each: _Deed
) -> tuple[list[History], list[tuple[str, Exception]]]:
    after, problems = list[History](), list[tuple[str, Exception]]()
    async with shell.root.reader(settings) as reader, shell.root.desk(settings) as desk:
        for given in dict.fromkeys(ids):
            try:
                found = await the_callback(reader, given)
                await each(desk, found)
                after.append(await _again(reader, found))
            except _TOLD as problem:
                problems.append((given, problem))
    return after, problems


async def _again(reader: Reader, before: History) -> History:
    return await reader.history(before.callback.id) or before


def _tell(found: History, *, reveal: bool) -> None:
    """Say in a line or two where a callback stands now."""
    callback, contact = found.callback, found.contact
    zone = zone_of(contact)
    number = number_text(contact.numbers[0].e164, reveal=reveal) if contact.numbers else ""
    text = Text(f"{callback.id}  {callback.queue}  {number}  ")
    if callback.state is CallbackState.SCHEDULED and callback.due_at is not None:
        text.append(f"next call {said_in_both(callback.due_at, zone)}", style="green")
        plan = callback.plan
        why = "; ".join(plan.reasons) if plan else ""
        text.append(f"\n  by {plan.decider if plan else 'nobody'}: {why}", style="dim")
    else:
        text.append(callback.state.value, style="bold")
        told = callback.state_reason if reveal else redact_text(callback.state_reason)
        text.append(f"  {told}")
        if callback.cancel_requested:
            text.append("\n  it is canceled as soon as the call under way ends", style="dim")
    out().print(text, soft_wrap=True)
