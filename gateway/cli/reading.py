"""Commands that only look: they read beside a running service and never write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import typer
from rich import box
from rich.live import Live
from rich.table import Table
from rich.text import Text

from config.settings import Settings
from gateway.cli.console import note, out, print_json
from gateway.cli.lookup import known_queue, number_of, the_callback
from gateway.cli.present import (
    DISPOSITION_STYLE,
    STATE_STYLE,
    callback_json,
    history_json,
    moment,
    number_text,
    zone_of,
)
from gateway.cli.shell import Shell
from gateway.cli.timeline import timeline
from gateway.cli.when import parse_past
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact
from gateway.lifecycle import ExitCode
from gateway.observability import redact_text
from gateway.ports import Violation

__all__ = ["Filter", "audit", "callbacks", "show"]

Listed = tuple[Callback, Contact]
_WHEN: Final = "%d %b %H:%M %Z"
_GAP: Final = 3
_EVERY: Final = 1.0
_LEAST_REASON: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which callbacks to list."""

    states: tuple[CallbackState, ...] = ()
    queue: str | None = None
    number: str | None = None
    contact: str | None = None
    since: str = ""
    until: str = ""
    after: str = ""
    limit: int = 50


def callbacks(
    shell: Shell,
    config: Path | None,
    wanted: Filter,
    *,
    watch: bool = False,
    reveal: bool,
    as_json: bool,
) -> None:
    """Print a list of callbacks; again and again until Ctrl-C where one watches."""
    settings = shell.settings_anyhow(config)
    known_queue(settings, wanted.queue)

    read = _reading(shell, settings, wanted)
    if watch and not as_json and out().is_terminal:
        with suppress(KeyboardInterrupt, asyncio.CancelledError):
            shell.run(_watch(read, reveal=reveal))
        return
    found = shell.run(read())
    more = found[-1][0].id if len(found) == wanted.limit else None
    if as_json:
        rows = [callback_json(*one, reveal=reveal) for one in found]
        print_json({"callbacks": rows, "next": more})
        return
    if not found:
        note("There are none.")
        return
    console = out()
    console.print(_table(found, console.width, reveal=reveal))
    if more:
        note(f"There may be more: --after {more}", "dim")


def _reading(
    shell: Shell, settings: Settings, wanted: Filter
) -> Callable[[], Coroutine[Any, Any, Sequence[Listed]]]:
    now = datetime.now(UTC)
    number = number_of(shell, settings, wanted.number) if wanted.number else None
    since = parse_past("--since", wanted.since, now) if wanted.since else None
    until = parse_past("--until", wanted.until, now) if wanted.until else None

    async def read() -> Sequence[Listed]:
        async with shell.root.reader(settings) as reader:
            return await reader.callbacks(
                states=wanted.states,
                queue=wanted.queue,
                contact_id=wanted.contact,
                number=number,
                since=since,
                until=until,
                after=wanted.after,
                limit=wanted.limit,
            )

    return read


async def _watch(
    read: Callable[[], Coroutine[Any, Any, Sequence[Listed]]], *, reveal: bool
) -> None:
    console = out()
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            found = await read()
            table = _table(found, console.width, reveal=reveal) if found else Text("None.")
            live.update(table, refresh=True)
            await asyncio.sleep(_EVERY)


def _table(found: Sequence[Listed], width: int, *, reveal: bool) -> Table:
    """Lay the list out in one line each: what does not fit into ``width`` is left out.

    The reasons get what room is left.
    """
    rows = [_row(*one, reveal=reveal) for one in found]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    kept: list[str] = []
    for heading in rows[0]:
        needed = max(len(heading), *(row[heading].cell_len for row in rows))
        if needed + _GAP <= width:
            table.add_column(heading, no_wrap=True, min_width=needed)
            kept.append(heading)
            width -= needed + _GAP
    if width >= _LEAST_REASON:
        table.add_column("Why", no_wrap=True)
    for (callback, _), row in zip(found, rows, strict=True):
        why = Text(redact_text(callback.state_reason))
        why.truncate(max(width, 1), overflow="ellipsis")
        table.add_row(*(row[heading] for heading in kept), *_if(width >= _LEAST_REASON, why))
    return table


def _if(holds: bool, text: Text) -> list[Text]:  # noqa: FBT001 -- reads as a condition
    return [text] if holds else []


def _row(callback: Callback, contact: Contact, *, reveal: bool) -> dict[str, Text]:
    """Return the cells by heading, the most telling first."""
    zone = zone_of(contact)
    outcome = callback.outcome.value if callback.outcome else ""
    who = number_text(contact.numbers[0].e164, reveal=reveal) if contact.numbers else ""
    if reveal and contact.name:
        who = f"{contact.name} {who}"
    return {
        "Id": Text(callback.id),
        "State": Text(callback.state.value, style=STATE_STYLE.get(callback.state, "")),
        "Due or closed": Text(moment(callback.due_at or callback.closed_at, zone, _WHEN)),
        "Contact": Text(f"{who} {contact.country or ''}".strip()),
        "Last result": Text(outcome, style=DISPOSITION_STYLE.get(outcome, "")),
        "Tries": Text(str(callback.attempts)),
        "Queue": Text(callback.queue),
    }


def show(
    shell: Shell, config: Path | None, callback_id: str, *, reveal: bool, as_json: bool
) -> None:
    """Print the whole way of one callback."""
    settings = shell.settings_anyhow(config)

    async def read() -> None:
        async with shell.root.reader(settings) as reader:
            found = await the_callback(reader, callback_id)
        if as_json:
            print_json(history_json(found, reveal=reveal))
        else:
            out().print(timeline(found, reveal=reveal))

    shell.run(read())


def audit(shell: Shell, config: Path | None, *, as_json: bool) -> None:
    """Print what the invariants say, and end with 1 if one is violated."""
    settings = shell.settings_anyhow(config)

    async def read() -> tuple[Sequence[Violation], int]:
        async with shell.root.reader(settings) as reader:
            return await reader.audit(datetime.now(UTC)), sum((await reader.counts()).values())

    found, checked = shell.run(read())
    if as_json:
        rows = [
            {"invariant": one.invariant, "subject": one.subject, "text": redact_text(one.text)}
            for one in found
        ]
        print_json({"ok": not found, "callbacks": checked, "violations": rows})
    elif found:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("Promise", "About", "What was seen"):
            table.add_column(heading)
        for one in found:
            table.add_row(one.invariant, redact_text(one.subject), redact_text(one.text))
        out().print(table)
        note(f"{len(found)} violations. Please report this with the output above.", "bold red")
    else:
        out().print(Text(f"All promises hold over {checked} callbacks.", style="green"))
    if found:
        raise typer.Exit(int(ExitCode.UNEXPECTED))
