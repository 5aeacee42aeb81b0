"""The group "Callbacks"."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli import reading
from gateway.cli.options import ConfigOption, JsonOption, RevealOption, shell_of
from gateway.cli.panels import Panel
from gateway.domain.machine import CallbackState

__all__ = ["group"]

group = typer.Typer()
"""Its commands."""


@group.command(rich_help_panel=Panel.CALLBACKS)
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
    reading.callbacks(shell_of(context), config, wanted, reveal=reveal, as_json=as_json)


@group.command(rich_help_panel=Panel.CALLBACKS)
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
    reading.show(shell_of(context), config, callback_id, reveal=reveal, as_json=as_json)
