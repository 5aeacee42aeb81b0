"""Asking somebody at a terminal: questions with a default, secrets, a choice, yes or no."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from rich.text import Text

from gateway.cli.console import err, note
from gateway.lifecycle import ExitCode, Failure

__all__ = ["at_terminal", "choose", "confirm", "question"]


def at_terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def question(
    text: str, default: str, check: Callable[[str], None], *, hint: str = "", secret: bool = False
) -> str:
    """Ask until the answer can be used; nothing but Enter takes the default.

    ``check`` raises ValueError with a sentence. A secret is not shown; it may be left empty.
    Raises Failure where nobody answers any more.
    """
    if hint:
        note(hint, "dim")
    shown = f" [{default}]" if default and not secret else ""
    while True:
        value = _line(f"{text}{shown}: ", secret=secret).strip() or ("" if secret else default)
        if secret and not value:
            return value
        try:
            check(value)
        except ValueError as problem:
            note(f"  {problem}", "red")
        else:
            return value


def choose(text: str, choices: Mapping[str, str]) -> str:
    """Ask for one of ``choices`` by its letter; Enter takes the first."""
    told = ", ".join(f"{letter} = {meaning}" for letter, meaning in choices.items())
    first = next(iter(choices))
    while True:
        value = _line(f"{text} ({told}) [{first}]: ").strip().lower()[:1] or first
        if value in choices:
            return value


def confirm(text: str) -> bool:
    """Ask for a yes; everything else is a no. Raises Failure where there is nobody to ask."""
    if not at_terminal():
        raise Failure(text, "Nobody is here to confirm it: say --yes.")
    return _line(f"{text} [y/N]: ").strip().lower() in {"y", "yes"}


def _line(prompt: str, *, secret: bool = False) -> str:
    try:
        return err().input(Text(prompt, style="bold"), password=secret)
    except (EOFError, KeyboardInterrupt):
        err().print()
        raise Failure("Ended; nothing was changed.", "", ExitCode.INTERRUPTED) from None
