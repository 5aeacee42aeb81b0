"""The page that documents the command line, written from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from inspect import cleandoc
from typing import Any, Final, get_args

import typer
from typer.main import get_command

from gateway.cli.app import app
from gateway.cli.panels import Panel
from gateway.lifecycle import EXIT_CODES

__all__ = ["reference"]

_HEAD = """\
# The command line

<!-- Generated from gateway/cli by `python docs/generate.py`; do not edit. -->

`kairos COMMAND --help` says the same in the terminal. Every command ends with one of the codes at
the end of this page; what goes wrong is one sentence and what to do about it, on standard error.

- **For scripts**: `--json` prints one JSON document on standard output and nothing else there;
  keys are only ever added. Nothing is asked where no terminal is, or with `--yes`.
- **Which data**: `--config FILE`, else `KAIROS_CONFIG`, else `kairos.yaml` in this folder.
- **With and without a service**: reading goes straight to the database. What changes something
  is done by the service that runs on the same data, and without one by the command itself.
- **Ids** may be cut short as long as they are unique. **Numbers** and names are masked without
  `--reveal`. **Times** are the contact's own, with UTC beside them.
- **Moments** are written as people do: `14:30`, `tomorrow 9:00`, `mon 14:00`, `in 2h`, `now`, or
  `2026-01-31T17:00+02:00`.
- `NO_COLOR=1` switches colours off. `kairos --install-completion` teaches your shell.
"""
_CODE_HEAD = "\n## Exit codes\n\n| code | meaning |\n|---|---|\n"


_WORDS: Final[dict[Any, str]] = {int: "N", float: "N"}


def reference() -> str:
    """Return the page."""
    root: Any = get_command(app)
    context = typer.Context(root, info_name="kairos")
    parts = [_HEAD]
    for panel in Panel:
        ours = [one for one in root.commands.values() if one.rich_help_panel == panel]
        if ours:
            parts.append(f"\n## {panel.value}\n")
        for command in ours:
            parts += _command(command, f"kairos {command.name}", context)
    codes = "".join(f"| {code.value} | {text} |\n" for code, text in EXIT_CODES.items())
    return "".join([*parts, _CODE_HEAD, codes])


def _command(command: Any, path: str, above: Any) -> Iterator[str]:  # noqa: ANN401 -- click's own
    context = typer.Context(command, info_name=path.rpartition(" ")[2], parent=above)
    inner = getattr(command, "commands", None)
    if inner is not None:
        for one in inner.values():
            yield from _command(one, f"{path} {one.name}", context)
        return
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join([path, *(_argument(one) for one in arguments), "[OPTIONS]" if options else ""])
    yield f"\n### `{usage.strip()}`\n\n{_plain(cleandoc(command.help or ''))}\n"
    rows = [
        *((_argument(one).strip("[]"), one) for one in arguments),
        *((_option(one), one) for one in options if "--help" not in one.opts),
    ]
    if rows:
        yield "\n| | |\n|---|---|\n"
    for name, one in rows:
        yield f"| `{name}` | {_plain(one.help or '')}{_default(one, context)} |\n"


def _argument(one: Any) -> str:  # noqa: ANN401
    name = str(one.metavar or one.name.upper())
    return name if one.required else f"[{name}]"


def _option(one: Any) -> str:  # noqa: ANN401
    names = ", ".join([*one.opts, *one.secondary_opts])
    if one.is_flag:
        return names
    kind = getattr(getattr(one, "type_descriptor", None), "annotation", str)
    kind = next(iter(get_args(kind)), kind)  # of a list: what is in it
    if isinstance(kind, type) and issubclass(kind, Enum):
        words = "|".join(str(each.value).lower() for each in kind)
    else:
        words = _WORDS.get(kind, "TEXT")
    return f"{names} {one.metavar or words}".replace("|", "\\|")


def _default(one: Any, context: Any) -> str:  # noqa: ANN401
    if getattr(one, "is_flag", False) or not one.show_default:
        return ""
    value = one.get_default(context)
    value = getattr(value, "value", value)
    return "" if value is None or value in ("", (), []) else f" Default: `{value}`."


def _plain(text: str) -> str:
    """Join the lines of each paragraph."""
    return re.sub(r"(?<!\n)\n(?!\n|[-*] )", " ", text).replace("|", "\\|")
