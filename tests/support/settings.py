"""The groups of settings, for tests that look at every key."""

from __future__ import annotations

import typing
from collections.abc import Iterator

from pydantic import BaseModel

from config.tree import core

__all__ = ["models"]


def models(kind: object, seen: set[object] | None = None) -> Iterator[type[BaseModel]]:
    """Every model that is reached from one, itself first."""
    seen = set() if seen is None else seen
    kind = core(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind not in seen:
            seen.add(kind)
            yield kind
            for field in kind.model_fields.values():
                yield from models(field.annotation, seen)
        return
    for one in typing.get_args(kind):
        yield from models(one, seen)
