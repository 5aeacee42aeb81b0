"""``kairos import``: what the user sees of an import."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

from config.settings import Settings
from gateway.cli.console import err, note, out, print_json
from gateway.cli.csvfile import open_source
from gateway.cli.importing import Import
from gateway.cli.shell import Shell
from gateway.lifecycle import ExitCode, Failure

__all__ = ["import_file"]

_SHOWN = 10


def import_file(
    shell: Shell, file: Path, config: Path | None, *, dry_run: bool, again: bool, as_json: bool
) -> None:
    """Bring a file in and say how it went."""
    settings = shell.settings(config)
    source = open_source(file)
    for column in source.unknown:
        note(f"Warning: column {column} is not known and is left out.", "yellow")
    work = Import(source=source, again=again)
    try:
        how = shell.run(_import(shell, settings, work, dry_run=dry_run, quiet=as_json))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _stopped(work)
    except OSError as error:
        raise Failure(
            f"The rejected rows cannot be written down ({error.strerror}).",
            f"{work.added + work.merged} rows were taken in. Mend this and import again: "
            "what is in is not added twice.",
            ExitCode.UNEXPECTED,
        ) from error
    if as_json:
        print_json(_as_json(work, how, dry_run=dry_run))
    else:
        _tell(work, how, dry_run=dry_run)
    if work.rejected:
        raise typer.Exit(int(ExitCode.REJECTED))


def _stopped(work: Import) -> NoReturn:
    raise Failure(
        f"Stopped after {work.rows} rows, {work.added} of them new.",
        "Import the same file again for the rest: what is in is not added twice.",
        ExitCode.INTERRUPTED,
    )


async def _import(
    shell: Shell, settings: Settings, work: Import, *, dry_run: bool, quiet: bool
) -> str:
    with _progress(work, quiet=quiet) as bar:
        if dry_run:
            async with shell.root.checker(settings) as taker:
                await work.run(taker, bar, keep=False)
            return "checked only"
        async with shell.root.way_in(settings) as way:
            await work.run(way.taker, bar, keep=True)
            return "through the running service" if way.running else "written directly"


@contextmanager
def _progress(work: Import, *, quiet: bool) -> Iterator[Any]:
    if quiet or not sys.stderr.isatty():
        yield lambda _done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=err(), transient=True) as progress:
        task = progress.add_task("Importing", total=work.source.size)

        def bar(done: int) -> None:
            told = f"{work.rows} rows, {work.rejected} rejected"
            progress.update(task, completed=done, description=told)

        yield bar


def _tell(work: Import, how: str, *, dry_run: bool) -> None:
    for mistake in work.mistakes[:_SHOWN]:
        note(f"Row {mistake.line}: {mistake.problem}", "red")
    if work.rejected > _SHOWN:
        note(f"... and {work.rejected - _SHOWN} more rows", "red")
    new = f"{work.added} {'would be added' if dry_run else 'added'}"
    text = Text(f"{work.source.path.name}: {work.rows} rows, {new}")
    if work.merged:
        text.append(f", {work.merged} known already")
    if work.rejected:
        text.append(f", {work.rejected} rejected", style="red")
    text.append(f" ({how})", style="dim")
    out().print(text, soft_wrap=True)
    if work.rejects is not None and work.rejects.written:
        note(f"The rejected rows are in {work.rejects.path}; mend and import that file.")
    if work.merged and not work.added:
        note("This file was imported before. To call them all once more: --again", "dim")


def _as_json(work: Import, how: str, *, dry_run: bool) -> dict[str, Any]:
    written = work.rejects is not None and work.rejects.written
    return {
        "file": str(work.source.path),
        "dry_run": dry_run,
        "how": how,
        "encoding": work.source.encoding,
        "separator": work.source.separator,
        "rows": work.rows,
        "added": work.added,
        "merged": work.merged,
        "rejected": work.rejected,
        "rejected_file": str(work.rejects.path) if written and work.rejects else None,
        "unknown_columns": list(work.source.unknown),
        "errors": [one.as_json() for one in work.mistakes],
    }
