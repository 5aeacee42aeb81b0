"""``kairos backup`` and ``kairos restore``: what the user sees of them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any, Final

import typer
from rich.text import Text

from gateway.cli.backup_root import Restored
from gateway.cli.console import note, out, print_json
from gateway.cli.shell import Shell, as_typed
from gateway.lifecycle import Failure

__all__ = ["backup", "restore"]

_MEGA: Final = 1_000_000
_SHOWN: Final = 10


def backup(shell: Shell, config: Path | None, target: Path, *, as_json: bool) -> None:
    """Make a backup and say how large it is."""
    settings = shell.settings(config)
    saved = shell.run(shell.root.backup(settings, target))
    if as_json:
        print_json({"file": str(saved.path), "manifest": saved.manifest})
        return
    size, rows = saved.manifest["size"] / _MEGA, saved.manifest["rows"]
    out().print(
        Text(f"{saved.path}: {size:.1f} MB, {rows.get('callback', 0)} callbacks, checked"),
        soft_wrap=True,
    )
    note(f"Keep {saved.manifest_path.name} with it: restore compares the two.", "dim")
    note("It holds telephone numbers and names; the configuration is not in it.", "dim")


def restore(
    shell: Shell,
    config: Path | None,
    copy: Path | None,
    *,
    mark_only: bool,
    unverified: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Put a backup back, held, and say what must be confirmed before anybody is called."""
    settings = shell.settings(config)
    if mark_only == (copy is not None):
        raise Failure(
            "Say which backup, or --mark-only for data that were put back already.",
            "kairos restore FILE, or kairos restore --mark-only",
        )
    if not yes and not as_json and sys.stdin.isatty():
        what = "Hold everything in the database" if copy is None else f"Put {copy} in place"
        typer.confirm(f"{what}?", abort=True, err=True)
    if copy is None:
        found = shell.run(shell.root.mark_restored(settings))
    else:
        found = shell.run(shell.root.restore(settings, copy, unverified=unverified))
    if as_json:
        print_json(_as_json(found))
    else:
        _tell(found)


def _tell(found: Restored) -> None:
    when = f" of {found.taken_at:%Y-%m-%d %H:%M} UTC" if found.taken_at else ""
    out().print(f"Restored: the data{when}. Nothing is called until you say so.", soft_wrap=True)
    if found.aside is not None:
        note(f"The database before it is kept as {found.aside}")
    if found.given_up:
        note(f"{found.given_up} calls were open then; how they ended is not known (unresolved).")
    note(f"{found.scheduled} callbacks are scheduled, {found.due} of them due now.")
    command = as_typed()
    for one in found.first[:_SHOWN]:
        note(f"  {command} show {one}", "dim")
    if found.called_since:
        note(
            f"{len(found.called_since)} of them were called or closed since, says the database "
            "before. Unless they shall be called once more:",
            "yellow",
        )
        for one in found.called_since:
            note(f"  {command} cancel {one} --reason {shlex.quote('called before the restore')}")
    note(f"Then start the service, look at `{command} callbacks`, and: {command} resume", "bold")


def _as_json(found: Restored) -> dict[str, Any]:
    return {
        "taken_at": found.taken_at.isoformat() if found.taken_at else None,
        "aside": str(found.aside) if found.aside else None,
        "given_up": found.given_up,
        "scheduled": found.scheduled,
        "due": found.due,
        "first": list(found.first),
        "called_since": list(found.called_since),
        "held": True,
    }
