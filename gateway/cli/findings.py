"""What a check finds: in order, worth a look, or broken; each with how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

__all__ = ["Finding", "Level", "as_json", "fail", "laid_out", "ok", "skip", "warn"]


class Level(StrEnum):
    """How bad it is. ``skip``: it could not be looked at."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of a check: what was looked at, what was seen, how to mend it."""

    about: str
    level: Level
    text: str
    remedy: str = ""


_STYLE: Final = {
    Level.OK: "green",
    Level.WARN: "yellow",
    Level.FAIL: "bold red",
    Level.SKIP: "dim",
}
_WIDTH: Final = 5
_INDENT: Final = 8


def ok(about: str, text: str) -> Finding:
    """Tell that something is in order."""
    return Finding(about=about, level=Level.OK, text=text)


def warn(about: str, text: str, remedy: str) -> Finding:
    """Tell that something works and should be mended."""
    return Finding(about=about, level=Level.WARN, text=text, remedy=remedy)


def fail(about: str, text: str, remedy: str) -> Finding:
    """Tell that something does not work."""
    return Finding(about=about, level=Level.FAIL, text=text, remedy=remedy)


def skip(about: str, text: str, remedy: str = "") -> Finding:
    """Tell that something could not be looked at."""
    return Finding(about=about, level=Level.SKIP, text=text, remedy=remedy)


def laid_out(found: Sequence[Finding]) -> RenderableType:
    """Lay findings out, a line each and the remedy below."""
    width = max((len(one.about) for one in found), default=0)
    parts: list[RenderableType] = []
    for one in found:
        parts.append(
            Text.assemble(
                (f"{one.level.value:<{_WIDTH}}", _STYLE[one.level]),
                (f" {one.about:<{width}}  ", "bold" if one.level is Level.FAIL else ""),
                one.text,
            )
        )
        if one.remedy:
            parts.append(Padding(Text(one.remedy, style="dim"), (0, 0, 0, _INDENT), expand=False))
    return Group(*parts)


def as_json(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return the machine's form."""
    return [asdict(one) for one in found]
