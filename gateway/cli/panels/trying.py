"""The group "Try it"."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import practice
from gateway.cli.options import shell_of
from gateway.cli.panels import Panel
from gateway.cli.shell import PRACTICE_FOLDER

__all__ = ["group"]

group = typer.Typer()
"""Its commands."""


@group.command(name="practice", rich_help_panel=Panel.TRY)
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
    practice.practice(shell_of(context), options)
