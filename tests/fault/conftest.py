"""What the fault tests share: their tables are printed whatever else is captured."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Print a title and a table to the terminal, past the capturing of output."""
    plugins = request.config.pluginmanager
    terminal, capture = plugins.getplugin("terminalreporter"), plugins.getplugin("capturemanager")

    def say(title: str, table: str) -> None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.section(title, sep="-")
            terminal.write_line(table)

    return say
