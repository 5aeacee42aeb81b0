"""``kairos audit-file``: what the user sees of a look at a table."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.table import Table

from config.settings import Settings
from gateway.cli.console import out, print_json
from gateway.cli.csvfile import Source
from gateway.cli.file_audit import ABOUT, FileAudit, Finding
from gateway.cli.importing_command import Options, source_of
from gateway.cli.preparing import Job
from gateway.cli.shell import Shell
from gateway.lifecycle import ExitCode

__all__ = ["audit_file"]

_DUPLICATES = {Finding.DUPLICATE, Finding.DUPLICATE_OTHER_SPELLING}


def audit_file(shell: Shell, file: Path, config: Path | None, options: Options) -> None:
    """Look at a file and tell what it is worth; ends with 6 if rows could not be used."""
    settings = shell.settings(config)
    source = source_of(file, options)
    seen = shell.run(_look(shell, settings, source))
    if options.as_json:
        print_json({"file": str(source.path), **seen.as_json()})
    else:
        _tell(source, seen)
    if seen.usable < seen.rows:
        raise typer.Exit(int(ExitCode.REJECTED))


async def _look(shell: Shell, settings: Settings, source: Source) -> FileAudit:
    seen = FileAudit()
    async with shell.root.examiner(settings) as examiner:
        async for _ in seen.look(examiner, Job(source=source)):
            pass
    return seen


def _tell(source: Source, seen: FileAudit) -> None:
    table = Table(title=f"{source.path.name}: {seen.rows} rows, {seen.usable} usable")
    for name in ("what", "rows", "share", "lines"):
        table.add_column(name, justify="right" if name in {"rows", "share"} else "left")
    for kind, one in seen.found.items():
        more = ", …" if one.rows > len(one.lines) else ""
        lines = ", ".join(map(str, sorted(one.lines))) + more
        table.add_row(ABOUT[kind], str(one.rows), f"{seen.share(one.rows):.2%}", lines)
    out().print(table)
    for kind, one in seen.found.items():
        if one.example and kind not in _DUPLICATES:
            out().print(f"{ABOUT[kind]}, for example: {one.example}", soft_wrap=True, markup=False)
