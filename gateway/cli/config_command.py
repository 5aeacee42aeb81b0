"""``kairos config`` and ``kairos reload``: look at the configuration, and have it read again."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from config.countries import load_countries
from config.problems import ConfigError
from config.retry_rules import load_retry_rules
from config.schema import schema_text
from config.settings import Settings
from config.show import Entry, effective, entries
from gateway.cli.console import note, out, print_json
from gateway.cli.shell import Shell
from gateway.lifecycle import ExitCode, Failure

__all__ = ["check", "reload", "schema", "show"]

_AS_BEFORE: Final = "Nothing was changed: a service that runs goes on as it was."


def show(shell: Shell, config: Path | None, *, as_json: bool) -> None:
    """Print what is in force and where each value comes from; secrets masked."""
    settings = shell.settings(config)
    found = entries(settings)
    if as_json:
        print_json(
            {
                "file": _file(settings),
                "settings": effective(settings),
                "origins": {one.path: one.origin for one in found},
                "warnings": list(_warnings(settings)),
            }
        )
        return
    table = Table.grid(padding=(0, 2))
    for one in found:
        table.add_row(one.path, Text(_written(one)), Text(one.origin, style="dim"))
    out().print(table)
    _warn(settings)


def check(shell: Shell, config: Path | None, *, as_json: bool) -> int:
    """Check a configuration and its rule files; returns the exit code."""
    try:
        settings = shell.settings(config)
    except ConfigError as error:
        if not as_json:
            raise
        print_json({"ok": False, "problems": list(error.problems), "warnings": []})
        return int(ExitCode.USAGE)
    if as_json:
        warnings = list(_warnings(settings))
        print_json({"ok": True, "file": _file(settings), "problems": [], "warnings": warnings})
        return int(ExitCode.OK)
    _warn(settings)
    out().print(Text(f"{_file(settings)} can be used: {_summary(settings)}."), soft_wrap=True)
    return int(ExitCode.OK)


def schema() -> None:
    """Print the JSON schema of the settings, for editors."""
    sys.stdout.write(schema_text())


def reload(shell: Shell, config: Path | None, *, as_json: bool) -> int:
    """Have the running service read its configuration again; returns the exit code."""
    try:
        settings = shell.settings(config)
    except ConfigError as error:
        raise ConfigError(error.problems, _AS_BEFORE) from None
    answer = shell.run(_asked(shell, settings))
    problems = [str(one) for one in answer.get("problems", ())]
    if as_json:
        print_json(dict(answer))
        return int(ExitCode.USAGE if problems else ExitCode.OK)
    if problems:
        raise ConfigError(problems, _AS_BEFORE)
    applied, later = answer.get("applied", ()), answer.get("needs_restart", ())
    _list("Applied:", applied)
    _list("Needs a restart, and is as before until then:", later)
    for warning in answer.get("warnings", ()):
        note(f"Warning: {warning}", style="yellow")
    if not applied and not later:
        out().print("Nothing has changed.")
    return int(ExitCode.OK)


async def _asked(shell: Shell, settings: Settings) -> Mapping[str, Any]:
    async with shell.root.running(settings) as service:
        if service is None:
            raise Failure(
                f"No Kairos runs on {settings.data_dir}.",
                "Start it: kairos serve. It reads its configuration then.",
            )
        answer: Mapping[str, Any] = await service.ask("POST", "/v1/reload")
        return answer


def _list(head: str, names: list[str]) -> None:
    if names:
        out().print(head)
        for name in names:
            out().print(Text(f"  {name}"), soft_wrap=True)


def _file(settings: Settings) -> str:
    return str(settings.source.file) if settings.source else ""


def _warnings(settings: Settings) -> tuple[str, ...]:
    return settings.source.warnings if settings.source else ()


def _warn(settings: Settings) -> None:
    for warning in _warnings(settings):
        note(f"Warning: {warning}", style="yellow")


def _written(entry: Entry) -> str:
    value = entry.value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, Mapping):
        return "; ".join(f"{day} {', '.join(hours) or 'closed'}" for day, hours in value.items())
    return str(value) or '""'


def _summary(settings: Settings) -> str:
    """Count what it holds, the rule files included."""
    practice = settings.profile == "practice"
    countries = load_countries(settings.countries_file, practice=practice).countries
    sets = load_retry_rules(settings.retry_rules_file).sets
    counts = {
        "carrier": len(settings.carriers),
        "queue": len(settings.queues),
        "country rule": len(countries),
        "retry set": len(sets),
    }
    return ", ".join(f"{count} {word}{'s' * (count != 1)}" for word, count in counts.items())
