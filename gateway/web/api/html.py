"""HTML put together from parts: whatever is not made here is text, and is escaped."""

from __future__ import annotations

import html
import re
from typing import Final

__all__ = ["Html", "el", "inline", "page", "prose", "raw"]

_VOID: Final = frozenset({"link", "meta", "br"})
_CODE: Final = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def raw(*parts: Html | str) -> Html:
    """Put parts one after the other."""
    return Html("".join(_safe(one) for one in parts))


def el(name: str, /, *parts: Html | str, **attributes: str) -> Html:
    """Make an element. Attributes whose names are words of Python end with an underscore."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{raw(*parts)}</{name}>")


def prose(text: str) -> Html:
    """Make paragraphs of a text: blank lines part them, `code` and **strong** are marked."""
    paragraphs = [one.strip() for one in text.split("\n\n")]
    return raw(*(el("p", inline(one)) for one in paragraphs if one))


def inline(text: str) -> Html:
    """Mark `code` and **strong** in a line."""
    parts: list[Html | str] = []
    place = 0
    for found in _CODE.finditer(text):
        parts.append(text[place : found.start()])
        parts.append(el("code", found[1]) if found[1] else el("strong", found[2]))
        place = found.end()
    return raw(*parts, text[place:])


def page(title: str, *parts: Html | str) -> str:
    """Make a whole page."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        el("link", rel="stylesheet", href="/docs/style.css"),
    )
    return "<!doctype html>\n" + el("html", head, el("body", *parts), lang="en")


def _safe(part: Html | str) -> str:
    return part if isinstance(part, Html) else html.escape(part)
