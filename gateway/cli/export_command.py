"""``kairos export``: tables for a spreadsheet, a notebook or another program."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from config.settings import Settings
from gateway.app.exporting import Export, Wanted
from gateway.cli.console import note
from gateway.cli.lookup import known_queue
from gateway.cli.shell import Shell
from gateway.cli.when import parse_past
from gateway.domain.machine import CallbackState
from gateway.lifecycle import Failure

__all__ = ["Options", "export"]

_STDOUT: Final = "-"
_ENDINGS: Final = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
_WITH_QUEUE: Final = {Export.CALLBACKS, Export.ATTEMPTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to export, and how."""

    table: Export
    form: str | None = None
    since: str = ""
    until: str = ""
    states: tuple[CallbackState, ...] = ()
    queue: str | None = None
    output: str = _STDOUT
    reveal: bool = False


def export(shell: Shell, config: Path | None, options: Options) -> None:
    """Write a table out and say how many rows it has."""
    settings = shell.settings(config)
    known_queue(settings, options.queue)
    wanted = _wanted(options)
    form = options.form or _ENDINGS.get(Path(options.output).suffix.lower(), "csv")
    with _target(options.output) as stream:
        rows = shell.run(_export(shell, settings, wanted, form, stream, reveal=options.reveal))
    where = "" if options.output == _STDOUT else f" in {options.output}"
    note(f"{rows} {wanted.table.value}{where}")
    if not options.reveal:
        note("Numbers are masked, names and texts left out; --reveal shows them.", "dim")


async def _export(
    shell: Shell, settings: Settings, wanted: Wanted, form: str, stream: BinaryIO, *, reveal: bool
) -> int:
    rows = 0
    async for written in shell.root.export(settings, wanted, form, stream, reveal=reveal):
        rows = written
    return rows


def _wanted(options: Options) -> Wanted:
    now = datetime.now(UTC)
    if options.table is Export.CONTACTS and (options.since or options.until):
        raise Failure("Contacts have no time.", "Leave out --since and --until.")
    if options.queue is not None and options.table not in _WITH_QUEUE:
        raise Failure(f"{options.table.value.title()} belong to no queue.", "Leave out --queue.")
    if options.states and options.table is not Export.CALLBACKS:
        raise Failure("Only callbacks have states.", "Leave out --state.")
    return Wanted(
        table=options.table,
        since=parse_past("since", options.since, now) if options.since else None,
        until=parse_past("until", options.until, now) if options.until else None,
        states=tuple(state.value for state in options.states),
        queue=options.queue,
    )


@contextmanager
def _target(output: str) -> Iterator[BinaryIO]:
    """Open what is written to: a file is there under its name only once it is whole."""
    if output == _STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    part = path.with_name(f"{path.name}.part")
    try:
        handle = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        os.fchmod(handle, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise Failure(
            f"{path} cannot be written ({error.strerror}).", "Check the path and the room there."
        ) from error
    finally:
        part.unlink(missing_ok=True)
