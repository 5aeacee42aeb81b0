"""What a run over the whole API document must know beyond it: real numbers, ids that are there."""

from __future__ import annotations

import os
import re
from typing import Any

import schemathesis
from schemathesis import HookContext

__all__: list[str] = []

_OWN_ID = os.environ.get("DOCUMENT_RUN_KEY", "kai_none_").split("_")[1]
_KNOWN = {
    "callback_id": os.environ.get("DOCUMENT_RUN_CALLBACKS", "").split(),
    "name": ["calls"],
}
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_LONGEST_NUMBER = 40
_NUMBERS = tuple(f"+44207946{n:04}" for n in range(1000))
"""Numbers kept for fiction: a drawn text is hardly ever one, and the rest would go untried."""


def _drawn(text: str) -> int:
    """Make a figure of what was drawn, so that the same case is always changed the same way."""
    return sum(text.encode("utf-8", "replace"))


def _number(text: str) -> str:
    return _NUMBERS[_drawn(text) % len(_NUMBERS)]


def _is_written(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= _LONGEST_NUMBER


@schemathesis.hook
def map_body(_context: HookContext, body: Any) -> Any:  # noqa: ANN401 -- whatever was drawn
    """Make texts that stand for telephone numbers such numbers; what breaks the form stays."""
    if not isinstance(body, dict):
        return body
    changed = dict(body)
    if _is_written(body.get("number")):
        changed["number"] = _number(body["number"])
    numbers = body.get("numbers")
    if isinstance(numbers, list) and numbers and all(_is_written(one) for one in numbers):
        changed["numbers"] = [_number(one) for one in numbers]
    return changed


@schemathesis.hook
def map_path_parameters(_context: HookContext, path_parameters: Any) -> Any:  # noqa: ANN401
    """Name things that are there, three times of four; but never the key the run works with."""
    if not path_parameters:
        return path_parameters
    changed = dict(path_parameters)
    for name, known in _KNOWN.items():
        drawn = changed.get(name)
        if known and isinstance(drawn, str) and _ID.fullmatch(drawn) and _drawn(drawn) % 4:
            changed[name] = known[_drawn(drawn) % len(known)]
    if changed.get("key_id") == _OWN_ID:
        changed["key_id"] = "nobody222222"
    return changed


@schemathesis.hook
def map_headers(_context: HookContext, headers: Any) -> Any:  # noqa: ANN401
    """Change any version, every other time: a drawn ETag is never the right one."""
    if not headers:
        return headers
    return {
        name: "*" if name.lower() == "if-match" and _drawn(str(value)) % 2 else value
        for name, value in headers.items()
    }
