"""Paths as the router takes them: a value in a path never stands for a word of another path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["routed"]


def routed(path: str, paths: Iterable[str]) -> str:
    """Return ``path`` for the router, among ``paths``.

    Where ``/things/batch`` is a path of its own, ``/things/{id}`` does not match it, so that what
    may be done with each (the header Allow) is told right.
    """
    parts = path.split("/")
    others = [one.split("/") for one in paths]
    return "/".join(
        _but(part, _words(parts[:place], others)) if part.startswith("{") else part
        for place, part in enumerate(parts)
    )


def _words(before: Sequence[str], others: Iterable[Sequence[str]]) -> list[str]:
    """Return the words that stand in other paths after the same beginning."""
    place = len(before)
    found = {
        one[place]
        for one in others
        if len(one) > place and list(one[:place]) == list(before) and not one[place].startswith("{")
    }
    return sorted(found)


def _but(value: str, words: Sequence[str]) -> str:
    if not words:
        return value
    told = "|".join(re.escape(one) for one in words)
    return f"{value[:-1]}:(?!(?:{told})(?:/|$))[^{{}}/]+}}"
