"""The group "Data"."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.app.exporting import Export
from gateway.cli import backup_command, export_command, file_audit_command, importing_command
from gateway.cli.options import ConfigOption, JsonOption, RevealOption, YesOption, shell_of
from gateway.cli.panels import Panel
from gateway.domain.machine import CallbackState

__all__ = ["group"]

group = typer.Typer()
"""Its commands."""


class Format(StrEnum):
    """What an export may be written as."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@group.command("import", rich_help_panel=Panel.DATA)
def import_(  # noqa: PLR0913 -- options of a command
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The table to bring in.")],
    *,
    config: ConfigOption = None,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="HEADING=COLUMN",
            help='What a column is, like "Telefon=number" or "Notiz=ignore"; repeatable.',
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The same from a file (see --save-mapping)."),
    ] = None,
    save_mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the mapping to a file.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what became of each row: line, result, id."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row, keep nothing, write nothing.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="Only tell what the file is worth; see audit-file.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Take rows in even if this very file was imported before."),
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a table of callbacks in.

    The first line names the columns, in any order. One is needed: **number** (or phone, tel, ...);
    several numbers of one contact are separated by `;` or `|`. The others: name, queue, reason,
    deadline (`2026-01-31T17:00+02:00`, or `4h`, `2d` from now), zone, country, subdivision,
    preferred (`mon-fri 09:00-12:00; sat 10:00-12:00`), worth, language, industry, segment,
    requested_at, idempotency_key. Any usual encoding; commas, semicolons or tabs.

    On a terminal the columns and the first rows are shown first. Ctrl-C, or worse: the same command
    goes on where it was.

    Rows that cannot be used go to FILE.rejected.csv with the reason; the rest is taken in. The
    same file twice adds nothing. A running service takes the rows; without one they are written
    directly.

    Example: `kairos import calls.csv --dry-run`
    """
    options = importing_command.Options(
        maps=tuple(maps or ()),
        mapping=mapping,
        save_mapping=save_mapping,
        report=report,
        dry_run=dry_run,
        again=again,
        yes=yes,
        as_json=as_json,
    )
    if audit:
        file_audit_command.audit_file(shell_of(context), file, config, options)
    else:
        importing_command.import_file(shell_of(context), file, config, options)


@group.command("audit-file", rich_help_panel=Panel.DATA)
def audit_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The table to look at.")],
    *,
    config: ConfigOption = None,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="HEADING=COLUMN", help="What a column is; repeatable."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The same from a file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a table is worth before it is imported: shares of rows, and nothing is kept.

    Numbers that do not exist or may not be called, the same number twice (also in another
    spelling), contacts whose time zone is not known, times that cannot be, rows that would never
    be called.

    Example: `kairos audit-file calls.csv --json`
    """
    options = importing_command.Options(maps=tuple(maps or ()), mapping=mapping, as_json=as_json)
    file_audit_command.audit_file(shell_of(context), file, config, options)


@group.command(rich_help_panel=Panel.DATA)
def export(  # noqa: PLR0913 -- options of a command
    context: typer.Context,
    table: Annotated[Export, typer.Argument(help="Which table.", case_sensitive=False)],
    *,
    config: ConfigOption = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="By default as the output's ending says, else csv."),
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="From this time on: 2026-01-31, 7d.")
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Before this time.")] = "",
    state: Annotated[
        list[CallbackState] | None,
        typer.Option(case_sensitive=False, help="Callbacks in this state; repeatable."),
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Only this queue.")] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to; - is the terminal.")
    ] = "-",
    reveal: RevealOption = False,
) -> None:
    """Write callbacks, attempts, contacts or interactions as a table.

    Works beside a running service, any number of rows. Numbers are masked; `number_token` is the
    same for the same number in every export, so that tables can be joined. The columns are listed
    in docs/import-export.md.

    Example: `kairos export attempts --since 30d --output attempts.parquet`
    """
    options = export_command.Options(
        table=table,
        form=form.value if form else None,
        since=since,
        until=until,
        states=tuple(state or ()),
        queue=queue,
        output=output,
        reveal=reveal,
    )
    export_command.export(shell_of(context), config, options)


@group.command(rich_help_panel=Panel.DATA)
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; must not be there yet.")],
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the database, beside a running service, whole and of one moment.

    The copy is checked; beside it lies FILE.manifest.json with its checksum. Only you may read it:
    it holds numbers and names. For PostgreSQL this says how to use pg_dump.

    Example: `kairos backup /var/backups/kairos-monday.db`
    """
    backup_command.backup(shell_of(context), config, file, as_json=as_json)


@group.command(rich_help_panel=Panel.DATA)
def restore(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The backup.", show_default=False)
    ] = None,
    *,
    config: ConfigOption = None,
    mark_only: Annotated[
        bool,
        typer.Option("--mark-only", help="The data were put back already, such as by pg_restore."),
    ] = False,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Although there is no manifest to compare with.")
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of the database. The service must be stopped.

    A backup does not know who was called after it was made. So nothing is called until you say
    `kairos resume`; calls that were open then are unresolved; the database before is kept, and
    what was called since is listed from it, to be canceled if it shall not be called again.

    Example: `kairos restore /var/backups/kairos-monday.db`
    """
    backup_command.restore(
        shell_of(context),
        config,
        file,
        mark_only=mark_only,
        unverified=unverified,
        yes=yes,
        as_json=as_json,
    )
