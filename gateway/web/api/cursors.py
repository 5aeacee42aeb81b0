"""Opaque cursors: where a list goes on, in a form nobody builds by hand."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from gateway.web.api.problem import FieldError, Refusal
from gateway.web.api.problem_types import INVALID_INPUT

__all__ = ["cut", "read_cursor", "write_cursor"]

T = TypeVar("T")
_LONGEST = 200


def write_cursor(key: str) -> str:
    """Return the cursor that goes on after ``key``."""
    return base64.urlsafe_b64encode(f"c1:{key}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> str:
    """Return the key to go on after; empty for the beginning. Raises Refusal."""
    if cursor is None:
        return ""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (UnicodeError, binascii.Error):
        text = ""
    if not text.startswith("c1:") or len(text) > _LONGEST or not text.isprintable():
        detail = "is none that was given out"
        hint = "use `next` of the page before, or leave it out to begin anew"
        error = FieldError(parameter="cursor", detail=detail, hint=hint)
        raise Refusal(INVALID_INPUT, f"cursor {detail}", errors=(error,))
    return text.removeprefix("c1:")


def cut(found: Sequence[T], limit: int, key: Callable[[T], str]) -> tuple[list[T], str | None]:
    """Split what was asked for with ``limit + 1`` into a page and the cursor of the next one."""
    page = list(found[:limit])
    more = len(found) > limit and page
    return page, write_cursor(key(page[-1])) if more else None
