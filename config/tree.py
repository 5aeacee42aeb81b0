"""Walking configuration data beside the models that describe it."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, SecretStr

__all__ = ["core", "holds_secret", "kind_at", "model_at", "path_of", "walk"]

Place = tuple[str | int, ...]


def path_of(loc: Sequence[str | int]) -> str:
    """Write a location as people do: ``queues.sales.agents[0]``."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def core(annotation: object) -> object:
    """Strip ``| None`` and ``Annotated`` off a type."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return core(typing.get_args(annotation)[0])
    if origin in {typing.Union, types.UnionType}:
        inner = [one for one in typing.get_args(annotation) if one is not types.NoneType]
        return core(inner[0]) if len(inner) == 1 else None
    return annotation


def kind_at(model: type[BaseModel], loc: Sequence[str | int]) -> object:
    """Follow a location through nested models, mappings and lists to the type found there."""
    found: object = model
    for part in loc:
        found = _below(found, part)
    return found


def model_at(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model at a location; None if there is none."""
    found = kind_at(model, loc)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def holds_secret(model: type[BaseModel], loc: Sequence[str | int]) -> bool:
    """Tell whether the value at a location must never be shown."""
    return kind_at(model, loc) is SecretStr


def walk(
    data: object, kind: object, loc: tuple[str | int, ...] = ()
) -> Iterator[tuple[Place, object, object]]:
    """Go through all values below ``data``: where each is, what it is, and which type it has."""
    kind = core(kind)
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from walk(value, _below(kind, str(key)), (*loc, str(key)))
    else:
        yield loc, data, kind


def _below(kind: object, part: str | int) -> object:
    kind = core(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(part))
        return core(field.annotation) if field else None
    arguments = typing.get_args(kind)
    if not arguments:
        return None
    return core(arguments[0] if arguments[-1] is ... else arguments[-1])
