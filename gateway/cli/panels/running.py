"""The group "Run it"."""

from __future__ import annotations

import typer

from gateway.cli import serving
from gateway.cli.options import ConfigOption, shell_of
from gateway.cli.panels import Panel

__all__ = ["group"]

group = typer.Typer()
"""Its commands."""


@group.command(rich_help_panel=Panel.RUN)
def serve(context: typer.Context, config: ConfigOption = None) -> None:
    """Run the gateway until it is told to stop.

    SIGTERM or Ctrl-C: nothing new is dialed, open calls may end, everything is written down. A
    second one leaves at once. Either way nothing is lost: start again to go on.

    Example: `kairos serve --config /etc/kairos/kairos.yaml`
    """
    serving.serve(shell_of(context), config)
