"""The group "Configuration"."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import typer

from gateway.cli.console import out
from gateway.cli.panels import Panel

__all__ = ["group", "tell_version"]

group = typer.Typer()
"""Its commands."""


@group.command(name="version", rich_help_panel=Panel.CONFIGURATION)
def tell_version() -> None:
    """Print the version."""
    try:
        found = version("kairos-callback")
    except PackageNotFoundError:
        found = "unknown (not installed)"
    out().print(f"kairos {found}", highlight=False)
