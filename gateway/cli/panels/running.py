"""The group "Run it"."""

from __future__ import annotations

import typer

from gateway.cli import check_command, serving
from gateway.cli.options import ConfigOption, JsonOption, shell_of
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


@group.command(rich_help_panel=Panel.RUN)
def check(
    context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Check everything Kairos needs, and say how to mend what is not right.

    Configuration, files, host name, clock, disk, database, service, API port, and each PBX: login,
    rights, version, dialplan, evidence. Changes nothing, dials nothing, may run beside the service.
    Ends with 0, or: 2 configuration, 3 database, 4 PBX, 1 anything else that is broken.

    Example: `kairos check --json`
    """
    check_command.check(shell_of(context), config, as_json_=as_json)
