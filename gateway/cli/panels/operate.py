"""The group "Operate"."""

from __future__ import annotations

import typer

from gateway.cli import reading
from gateway.cli.options import ConfigOption, JsonOption, shell_of
from gateway.cli.panels import Panel

__all__ = ["group"]

group = typer.Typer()
"""Its commands."""


@group.command(rich_help_panel=Panel.OPERATE)
def audit(
    context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Check that no callback is lost and nobody was called twice or too often.

    Ends with 1 if a promise was broken. May run beside the service at any time.

    Example: `kairos audit --json`
    """
    reading.audit(shell_of(context), config, as_json=as_json)
