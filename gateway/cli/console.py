"""How commands talk: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from gateway.lifecycle import Complaint

__all__ = ["complain", "err", "note", "out", "print_json"]


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    # Piped tables must not be cut at 80 columns: somebody greps them.
    width = None if stream.isatty() or "COLUMNS" in os.environ else 160
    return Console(stderr=stderr, highlight=False, soft_wrap=False, width=width)


def out() -> Console:
    """Return the console for results."""
    return _console(stderr=False)


def err() -> Console:
    """Return the console for everything that is not the result."""
    return _console(stderr=True)


def note(text: str, style: str = "") -> None:
    """Tell the user something beside the result."""
    err().print(Text(text, style=style), soft_wrap=True)


def complain(complaint: Complaint, *, details: str = "") -> None:
    """Tell the user what went wrong and what to do about it."""
    head, _, rest = complaint.problem.partition("\n")
    text = Text.assemble(("Error: ", "bold red"), head)
    if rest:
        text.append(f"\n{rest}")
    if complaint.remedy:
        text.append(f"\n{complaint.remedy}", style="dim")
    if details:
        text.append(f"\n{details}", style="dim")
    err().print(text, soft_wrap=True)


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Print a machine's form of the result, one document."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")
