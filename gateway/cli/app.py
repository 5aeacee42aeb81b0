"""The commands: what they are called, what they take, what they say about themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import importing_command, practice, reading, serving
from gateway.cli.console import out
from gateway.cli.root import Root
from gateway.cli.shell import PRACTICE_FOLDER, Shell
from gateway.domain.machine import CallbackState
from gateway.lifecycle import EXIT_CODES, ExitCode

__all__ = ["app", "run"]

_HELP = """Kairos calls people back at the right moment, once.

- `kairos practice`: try it, no telephone needed
- `kairos serve --config kairos.yaml`: run it
- `kairos import calls.csv`: bring callbacks in
- `kairos callbacks --state exhausted`: see what became of them
- `kairos show cb01kat5w9`: why was this one called, and when
- `kairos audit`: is every promise kept
"""
_CODES = "\n".join(
    ["Exit codes:\n", *(f"- {code.value}: {text}" for code, text in EXIT_CODES.items())]
)

app = typer.Typer(
    name="kairos",
    help=_HELP,
    epilog=_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration. Without it: KAIROS_CONFIG, or kairos.yaml in this folder.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
RevealOption = Annotated[
    bool, typer.Option("--reveal", help="Show telephone numbers and names; masked otherwise.")
]


def run(root: Callable[[], Root]) -> int:
    """Run the command line and return its exit code; never raises."""
    shell = Shell(root)
    try:
        app(obj=shell, standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:  # what reads our output had enough, like `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)
    except BaseException as error:  # noqa: BLE001 -- the last frame: everything becomes a sentence
        return shell.fail(error)
    return int(ExitCode.OK)


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 -- as typer calls it
    if wanted:
        version_()
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    *,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback when something goes wrong.")
    ] = False,
    tell_version: Annotated[  # noqa: ARG001 -- it has ended by then
        bool,
        typer.Option("--version", help="Print the version.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    _shell(context).debug = debug


def _shell(context: typer.Context) -> Shell:
    shell: Any = context.find_root().obj
    assert isinstance(shell, Shell)  # noqa: S101 -- run() put it there
    return shell


@app.command()
def serve(context: typer.Context, config: ConfigOption = None) -> None:
    """Run the gateway until it is told to stop.

    SIGTERM or Ctrl-C: nothing new is dialed, open calls may end, everything is written down. A
    second one leaves at once. Either way nothing is lost: start again to go on.

    Example: `kairos serve --config /etc/kairos/kairos.yaml`
    """
    serving.serve(_shell(context), config)


@app.command("import")
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
        _shell(context), file, config, dry_run=dry_run, again=again, as_json=as_json
    )


@app.command()
def callbacks(
    context: typer.Context,
    *,
    config: ConfigOption = None,
    state: Annotated[
        list[CallbackState] | None,
        typer.Option(case_sensitive=False, help="Only these; may be given several times."),
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Only this queue.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    after: Annotated[str, typer.Option(metavar="ID", help="Go on after this one.")] = "",
    reveal: RevealOption = False,
    as_json: JsonOption = False,
) -> None:
    """List callbacks, newest first.

    Example: `kairos callbacks --state scheduled --state dialing --limit 20`
    """
    wanted = reading.Filter(states=tuple(state or ()), queue=queue, after=after, limit=limit)
    reading.callbacks(_shell(context), config, wanted, reveal=reveal, as_json=as_json)


@app.command()
def show(
    context: typer.Context,
    callback_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning.")],
    *,
    config: ConfigOption = None,
    reveal: RevealOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the whole way of one callback: each step, when and why, and what the carriers said.

    Example: `kairos show cb01kat5w9`
    """
    reading.show(_shell(context), config, callback_id, reveal=reveal, as_json=as_json)


@app.command()
def audit(
    context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Check that no callback is lost and nobody was called twice or too often.

    Ends with 1 if a promise was broken. May run beside the service at any time.

    Example: `kairos audit --json`
    """
    reading.audit(_shell(context), config, as_json=as_json)


@app.command(name="practice")
def practice_(
    context: typer.Context,
    *,
    folder: Annotated[
        Path, typer.Option("--data-dir", metavar="FOLDER", help="Where everything is kept.")
    ] = PRACTICE_FOLDER,
    pbx: Annotated[
        practice.Pbx,
        typer.Option(help="A real Asterisk, a simulated one, or real where it can be had."),
    ] = practice.Pbx.AUTO,
    callbacks: Annotated[
        int, typer.Option(min=1, max=2000, help="How many callbacks, in a fresh folder.")
    ] = 300,
    seed: Annotated[int, typer.Option(help="Another number, other people.")] = 1,
    speed: Annotated[
        float, typer.Option(min=0.1, max=50, help="How fast the practice world moves.")
    ] = 4.0,
    keep_serving: Annotated[
        bool, typer.Option("--keep-serving", help="Go on when all callbacks are closed.")
    ] = False,
) -> None:
    """Try Kairos with a switch on this machine and invented people. Nobody real can be called.

    Loads some hundred callbacks and calls them all, with retries within seconds instead of hours:
    one or two minutes. Ctrl-C ends it cleanly; the same command goes on where it was ended.

    Example: `kairos practice --pbx simulated --callbacks 100`
    """
    options = practice.Options(
        folder=folder,
        pbx=pbx,
        callbacks=callbacks,
        seed=seed,
        speed=speed,
        keep_serving=keep_serving,
    )
    practice.practice(_shell(context), options)


@app.command(name="version")
def version_() -> None:
    """Print the version."""
    try:
        found = version("kairos-callback")
    except PackageNotFoundError:
        found = "unknown (not installed)"
    out().print(f"kairos {found}", highlight=False)
