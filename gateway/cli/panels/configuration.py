"""The group "Configuration"."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import config_command
from gateway.cli.console import out
from gateway.cli.options import ConfigOption, JsonOption, shell_of
from gateway.cli.panels import Panel

__all__ = ["group", "tell_version"]

group = typer.Typer()
"""Its commands."""
_config = typer.Typer(
    name="config",
    help="Look at the configuration: is it right, what is in force, what may stand in it.",
    no_args_is_help=True,
)
group.add_typer(_config, rich_help_panel=Panel.CONFIGURATION)


@_config.command()
def check(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="The configuration; or --config.", show_default=False
        ),
    ] = None,
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the configuration and the rule files it names. Nothing is started or connected.

    Every mistake is told at once with its line and what would be right. Ends with 2 if there is
    one; with 0 if there are warnings only.

    Example: `kairos config check /etc/kairos/kairos.yaml`
    """
    raise typer.Exit(config_command.check(shell_of(context), file or config, as_json=as_json))


@_config.command()
def show(
    context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show what is in force and where each value comes from. Secrets are masked.

    Example: `kairos config show --json`
    """
    config_command.show(shell_of(context), config, as_json=as_json)


@_config.command()
def schema() -> None:
    """Print the JSON schema of the configuration, for editors.

    Put `# yaml-language-server: $schema=kairos.schema.json` into the first line of your file.

    Example: `kairos config schema > kairos.schema.json`
    """
    config_command.schema()


@group.command(rich_help_panel=Panel.CONFIGURATION)
def reload(
    context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Have the running service read its configuration again.

    Queues, rules, numbers, the log level and rate limits are applied at once. The rest keeps its
    old value and is named: it needs a restart. With a mistake nothing is changed, and it ends
    with 2. SIGHUP does the same and tells it in the log.

    Example: `kairos reload --config /etc/kairos/kairos.yaml`
    """
    raise typer.Exit(config_command.reload(shell_of(context), config, as_json=as_json))


@group.command(name="version", rich_help_panel=Panel.CONFIGURATION)
def tell_version() -> None:
    """Print the version."""
    try:
        found = version("kairos-callback")
    except PackageNotFoundError:
        found = "unknown (not installed)"
    out().print(f"kairos {found}", highlight=False)
