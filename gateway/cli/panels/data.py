"""The group "Data"."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import importing_command
from gateway.cli.options import ConfigOption, JsonOption, shell_of
from gateway.cli.panels import Panel

__all__ = ["group"]

group = typer.Typer()
"""Its commands."""


@group.command("import", rich_help_panel=Panel.DATA)
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The table to bring in.")],
    *,
    config: ConfigOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row, keep nothing, write nothing.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Take rows in even if this very file was imported before."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a table of callbacks in.

    The first line names the columns, in any order. One is needed: **number** (or phone, tel, ...);
    several numbers of one contact are separated by `;` or `|`. The others: name, queue, reason,
    deadline (`2026-01-31T17:00+02:00`, or `4h`, `2d` from now), zone, country, subdivision,
    preferred (`mon-fri 09:00-12:00; sat 10:00-12:00`), worth, language, industry, segment,
    requested_at, idempotency_key. Any usual encoding; commas, semicolons or tabs.

    Rows that cannot be used go to FILE.rejected.csv with the reason; the rest is taken in. The
    same file twice adds nothing. A running service takes the rows; without one they are written
    directly.

    Example: `kairos import calls.csv --dry-run`
    """
    importing_command.import_file(
        shell_of(context), file, config, dry_run=dry_run, again=again, as_json=as_json
    )
