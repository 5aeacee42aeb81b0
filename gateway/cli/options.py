"""Options that many commands have, and how a command gets at its shell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.shell import Shell

__all__ = ["ConfigOption", "JsonOption", "RevealOption", "YesOption", "shell_of"]

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
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def shell_of(context: typer.Context) -> Shell:
    """Return the shell of this run."""
    shell: Any = context.find_root().obj
    assert isinstance(shell, Shell)  # noqa: S101 -- run() put it there
    return shell
