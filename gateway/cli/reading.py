"""Commands that only look: they read beside a running service and never write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from gateway.cli.console import note, out, print_json
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
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact
from gateway.lifecycle import ExitCode, Failure
from gateway.observability import redact_text
from gateway.ports import Violation

__all__ = ["Filter", "audit", "callbacks", "show"]

Listed = tuple[Callback, Contact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which callbacks to list."""

    states: tuple[CallbackState, ...]
    queue: str | None
    after: str
    limit: int


def callbacks(
    shell: Shell, config: Path | None, wanted: Filter, *, reveal: bool, as_json: bool
) -> None:
    """Print a list of callbacks."""
    settings = shell.settings(config)
    if wanted.queue and wanted.queue not in settings.queues:
        known = ", ".join(sorted(settings.queues))
        raise Failure(f"There is no queue {wanted.queue!r}.", f"There are: {known}.")

    async def read() -> Sequence[Listed]:
        async with shell.root.reader(settings) as reader:
            return await reader.callbacks(
                states=wanted.states, queue=wanted.queue, after=wanted.after, limit=wanted.limit
            )

    found = shell.run(read())
    more = found[-1][0].id if len(found) == wanted.limit else None
    if as_json:
        rows = [callback_json(*one, reveal=reveal) for one in found]
        print_json({"callbacks": rows, "next": more})
        return
    if not found:
        note("There are none.")
        return
    out().print(_table(found, reveal=reveal))
    if more:
        note(f"There may be more: --after {more}", "dim")


def _table(found: Sequence[Listed], *, reveal: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Id", "State", "Queue", "Contact", "Due or closed", "Tries", "Last result"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Why", overflow="ellipsis", no_wrap=True, ratio=1)
    for callback, contact in found:
        zone = zone_of(contact)
        at = callback.due_at or callback.closed_at
        outcome = callback.outcome.value if callback.outcome else ""
        who = number_text(contact.numbers[0].e164, reveal=reveal) if contact.numbers else ""
        if reveal and contact.name:
            who = f"{contact.name} {who}"
        table.add_row(
            callback.id,
            Text(callback.state.value, style=STATE_STYLE.get(callback.state, "")),
            callback.queue,
            f"{who} {contact.country or ''}".strip(),
            moment(at, zone, "%d %b %H:%M %Z"),
            str(callback.attempts),
            Text(outcome, style=DISPOSITION_STYLE.get(outcome, "")),
            redact_text(callback.state_reason),
        )
    return table


def show(
    shell: Shell, config: Path | None, callback_id: str, *, reveal: bool, as_json: bool
) -> None:
    """Print the whole way of one callback."""
    settings = shell.settings(config)

    async def read() -> None:
        async with shell.root.reader(settings) as reader:
            found = await reader.history(callback_id)
        if found is None:
            raise Failure(
                f"No callback, or more than one, has an id that begins with {callback_id!r}.",
                "kairos callbacks lists them.",
            )
        if as_json:
            print_json(history_json(found, reveal=reveal))
        else:
            out().print(timeline(found, reveal=reveal))

    shell.run(read())


def audit(shell: Shell, config: Path | None, *, as_json: bool) -> None:
    """Print what the invariants say, and end with 1 if one is violated."""
    settings = shell.settings(config)

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
