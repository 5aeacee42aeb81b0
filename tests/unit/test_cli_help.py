"""What the command line says of itself is whole and true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from docs.generate import pages
from gateway.bootstrap import Kairos
from gateway.cli.app import app
from gateway.cli.panels import Panel
from gateway.cli.shell import Shell
from gateway.lifecycle import EXIT_CODES

# They stay in the foreground, or print one line or one document in any case.
WITHOUT_JSON = {"serve", "practice", "version", "config schema", "export"}


@dataclass(frozen=True)
class Command:
    """A command as it is typed, and what the library made of it."""

    name: str
    made: Any


def commands() -> Iterator[Command]:
    """Every command there is."""
    root: Any = get_command(app)
    for name, command in root.commands.items():
        inner = getattr(command, "commands", None)
        if inner is None:
            yield Command(name, command)
        else:
            for sub, one in inner.items():
                yield Command(f"{name} {sub}", one)


def help_of(*words: str) -> str:
    said = {"COLUMNS": "100", "NO_COLOR": "1"}
    done = CliRunner().invoke(app, [*words, "--help"], env=said, obj=Shell(Kairos))
    assert done.exit_code == 0, done.output
    return done.output


each = pytest.mark.parametrize("command", list(commands()), ids=lambda one: one.name)


@each
def test_every_command_explains_itself_with_an_example(command: Command) -> None:
    assert "Usage:" in help_of(*command.name.split())
    if command.name != "version":
        assert f"`kairos {command.name}" in command.made.help


@each
def test_every_option_says_what_it_is_for(command: Command) -> None:
    for one in command.made.params:
        assert one.help, one.name


@each
def test_machines_can_read_what_every_command_says(command: Command) -> None:
    options = {name for one in command.made.params for name in one.opts}
    assert ("--json" in options) == (command.name not in WITHOUT_JSON)


def test_the_help_groups_the_commands_and_lists_the_exit_codes() -> None:
    told = help_of()
    places = [told.index(f"─ {panel.value} ─") for panel in Panel]
    assert places == sorted(places)
    assert all(f"{code.value}: " in told for code in EXIT_CODES)


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    (page,) = (one for one in pages().items() if one[0].name == "cli.md")
    assert page[0].read_text(encoding="utf-8") == page[1], "run: python docs/generate.py"


def test_completion_can_be_installed() -> None:
    assert "--install-completion" in help_of()
