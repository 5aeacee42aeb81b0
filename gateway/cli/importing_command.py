"""``kairos import``: what the user sees of an import."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import typer
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from config.column_mapping import load_mapping, save_mapping
from config.settings import Settings
from gateway.cli import preview
from gateway.cli.columns import parse_maps
from gateway.cli.console import err, note, out, print_json
from gateway.cli.csvfile import Source, open_source
from gateway.cli.importing import Import, through
from gateway.cli.shell import Shell
from gateway.lifecycle import ExitCode, Failure

__all__ = ["Options", "import_file", "source_of"]

_SHOWN: Final = 10
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How an import shall go."""

    maps: tuple[str, ...] = ()
    mapping: Path | None = None
    save_mapping: Path | None = None
    report: Path | None = None
    dry_run: bool = False
    again: bool = False
    yes: bool = False
    as_json: bool = False


def source_of(file: Path, options: Options) -> Source:
    """Look through a table, its columns as they were told. Raises Failure, ConfigError."""
    told = load_mapping(options.mapping) if options.mapping else {}
    return open_source(file, {**told, **parse_maps(options.maps)})


def import_file(shell: Shell, file: Path, config: Path | None, options: Options) -> None:
    """Bring a file in and say how it went."""
    settings = shell.settings(config)
    source = source_of(file, options)
    for column in source.unknown:
        note(f"Warning: column {column} is not known and is left out.", "yellow")
    if options.save_mapping is not None:
        _save(options.save_mapping, source)
    _agree(source, options)
    work = Import(source=source, again=options.again)
    try:
        how = shell.run(_import(shell, settings, work, options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _stopped(work, options)
    except OSError as error:
        raise Failure(
            f"The rejected rows cannot be written down ({error.strerror}).",
            f"{work.at.added + work.at.merged} rows were taken in. Mend this and import again: "
            "what is in is not added twice.",
            ExitCode.UNEXPECTED,
        ) from error
    _tell(work, how, options)
    if work.at.rejected:
        raise typer.Exit(int(ExitCode.REJECTED))


def _agree(source: Source, options: Options) -> None:
    """Show what is about to be taken in, and ask; not where nobody sits in front of it."""
    if not sys.stderr.isatty() or options.as_json or options.yes:
        return
    preview.show(source)
    if not options.dry_run and not preview.agreed():
        note("Nothing was taken in.")
        raise typer.Exit


def _save(path: Path, source: Source) -> None:
    names = zip(source.header, source.columns, strict=True)
    save_mapping(path, {head.strip(): name or "ignore" for head, name in names if head.strip()})
    note(f"The mapping of the columns is in {path}")


def _stopped(work: Import, options: Options) -> NoReturn:
    if options.dry_run:
        raise Failure("Stopped. Nothing was taken in.", "", ExitCode.INTERRUPTED)
    raise Failure(
        f"Stopped after {work.rows} rows, {work.at.added} of them new.",
        "The same command goes on where it was: what is in is not added twice.",
        ExitCode.INTERRUPTED,
    )


async def _import(shell: Shell, settings: Settings, work: Import, options: Options) -> str:
    with _progress(work, quiet=options.as_json) as bar:
        if options.dry_run:
            async with shell.root.checker(settings) as taker:
                await work.run(through(taker, work.job(_BATCH)), bar)
            return "checked only"
        work.keep_in(settings.data_dir, options.report)
        if work.resumed and not options.as_json:
            note(f"Going on after line {work.resumed}, where this import was cut short.")
        async with shell.root.way_in(settings) as way:
            job = work.job(_BATCH)
            if way.loader is not None and way.loader.suits(job):
                await work.run(way.loader.verdicts(job), bar)
            else:
                await work.run(through(way.taker, job), bar)
            return "through the running service" if way.running else "written directly"


@contextmanager
def _progress(work: Import, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    if quiet or not sys.stderr.isatty():
        yield lambda _done: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    before = work.rows
    with Progress(*columns, console=err(), transient=True) as progress:
        task = progress.add_task("Importing", total=work.source.size, speed="")

        def bar(done: int) -> None:
            told = f"{work.rows} rows, {work.at.rejected} rejected"
            passed = progress.tasks[0].elapsed or 0
            speed = f"{(work.rows - before) / passed:.0f} rows/s" if passed else ""
            progress.update(task, completed=done, description=told, speed=speed)

        yield bar


def _tell(work: Import, how: str, options: Options) -> None:
    if options.as_json:
        print_json(_as_json(work, how, options))
        return
    for mistake in work.mistakes[:_SHOWN]:
        note(f"Row {mistake.line}: {mistake.problem}", "red")
    if work.at.rejected > _SHOWN:
        note(f"... and {work.at.rejected - _SHOWN} more rows", "red")
    new = f"{work.at.added} {'would be added' if options.dry_run else 'added'}"
    text = Text(f"{work.source.path.name}: {work.rows} rows, {new}")
    if work.at.merged:
        text.append(f", {work.at.merged} known already")
    if work.at.rejected:
        text.append(f", {work.at.rejected} rejected", style="red")
    text.append(f" ({how})", style="dim")
    out().print(text, soft_wrap=True)
    if work.side is not None and work.side.rejects.written:
        note(f"The rejected rows are in {work.side.rejects.path}; mend and import that file.")
    if work.side is not None and work.side.report is not None:
        note(f"What became of each row is in {work.side.report.path}")
    if work.at.merged and not work.at.added:
        note(
            "All were imported before, or have an open callback that serves them. "
            "To have a file's rows taken for new ones: --again",
            "dim",
        )


def _as_json(work: Import, how: str, options: Options) -> dict[str, Any]:
    rejects = work.side.rejects if work.side is not None else None
    return {
        "file": str(work.source.path),
        "dry_run": options.dry_run,
        "how": how,
        "encoding": work.source.encoding,
        "separator": work.source.separator,
        "columns": {
            heading: column or None
            for heading, column in zip(work.source.header, work.source.columns, strict=True)
        },
        "rows": work.rows,
        "added": work.at.added,
        "merged": work.at.merged,
        "rejected": work.at.rejected,
        "resumed_after_line": work.resumed or None,
        "rejected_file": str(rejects.path) if rejects is not None and rejects.written else None,
        "report_file": str(options.report) if options.report and not options.dry_run else None,
        "unknown_columns": list(work.source.unknown),
        "errors": [one.as_json() for one in work.mistakes],
    }
