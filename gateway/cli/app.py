"""The command line as a whole: its groups of commands, and how every run ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from gateway.cli.options import shell_of
from gateway.cli.panels import callbacks, configuration, data, operate, running, trying
from gateway.cli.root import Root
from gateway.cli.shell import Shell
from gateway.lifecycle import EXIT_CODES, ExitCode

__all__ = ["app", "run"]

_HELP = """Kairos calls people back at the right moment, once.

- `kairos practice`: try it, no telephone needed
- `kairos init`: connect your own PBX; then `kairos check` and `kairos serve`
- `kairos call "040 123 4567" --reason invoice`: ask for a callback
- `kairos why`: why is nothing dialing
- `kairos show cb01kat5w9`: why was this one called, and when
- `kairos stop-all`: the panic button
"""
_CODES = "\n".join(
    ["Exit codes:\n", *(f"- {code.value}: {text}" for code, text in EXIT_CODES.items())]
)

app = typer.Typer(
    name="kairos",
    help=_HELP,
    epilog=_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
)
for _group in (trying, running, callbacks, operate, data, configuration):
    app.add_typer(_group.group)


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
        configuration.tell_version()
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
    shell_of(context).debug = debug
