"""What is wrong with a configuration, said so that it can be mended without asking anybody.

One sentence for each problem: the file, the path of the key, what is wrong, what would be right.
Values are never quoted where they could be secret.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ValidationError

__all__ = ["ConfigError", "Problems", "describe", "did_you_mean", "path_of"]

_MAX_KEYS_SHOWN = 12


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` holds one sentence for each mistake."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Problems(ValueError):
    """Several mistakes found by one check: pairs of key path and sentence."""

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(f"{path}: {text}" for path, text in found))


def path_of(loc: Iterable[str | int]) -> str:
    """Write a location as people do: ``queues.sales.agents[0]``."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return a hint: the closest known word, or the known words when none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(str(word), names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return "there are none"
    more = ", ..." if len(names) > _MAX_KEYS_SHOWN else ""
    return f"known here: {', '.join(names[:_MAX_KEYS_SHOWN])}{more}"


def describe(
    error: ValidationError,
    model: type[BaseModel],
    source: str,
    environment: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Turn a validation error of ``model`` into sentences that begin with where to look.

    ``source`` is the name of the file; ``environment`` maps key paths to the names of the
    variables that set them, which are named instead of the file.
    """
    lines: list[str] = []
    for one in error.errors(include_url=False, include_input=False):
        inner = (one.get("ctx") or {}).get("error")
        path = path_of(one["loc"])
        if isinstance(inner, Problems):
            found = [(".".join(filter(None, (path, sub))), text) for sub, text in inner.found]
        else:
            found = [(path, _sentence(one["type"], one["msg"], one["loc"], model))]
        for where, text in found:
            variable = (environment or {}).get(where)
            place = variable or (f"{source}: {where}" if where else source)
            lines.append(f"{place}: {text}")
    return tuple(dict.fromkeys(lines))


def _sentence(kind: str, message: str, loc: Sequence[str | int], model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        holder = _model_at(model, loc[:-1])
        known = holder.model_fields if holder else ()
        return f"unknown key; {did_you_mean(loc[-1], known)}"
    if kind == "missing":
        holder = _model_at(model, loc[:-1])
        field = holder.model_fields.get(str(loc[-1])) if holder else None
        meaning = f" ({field.description})" if field and field.description else ""
        return f"missing; add this key{meaning}"
    if kind in {"model_type", "dict_type", "model_attributes_type"}:
        return "must be a group of keys with values, indented below it"
    if kind == "too_short":
        return "is empty; add at least one"
    text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    text = text.replace("Input should be", "must be")
    return text[:1].lower() + text[1:]


def _model_at(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel] | None:
    """Follow a location through nested models, mappings and lists to the model found there."""
    found: object = model
    for part in loc:
        if isinstance(found, type) and issubclass(found, BaseModel):
            field = found.model_fields.get(str(part))
            found = _core(field.annotation) if field else None
        else:
            arguments = typing.get_args(found)
            found = (
                _core(arguments[-1] if arguments[-1:] != (...,) else arguments[0])
                if (arguments)
                else None
            )
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _core(annotation: object) -> object:
    """Strip ``| None`` and ``Annotated`` off a type."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _core(typing.get_args(annotation)[0])
    if origin in {typing.Union, types.UnionType}:
        inner = [one for one in typing.get_args(annotation) if one is not types.NoneType]
        return _core(inner[0]) if len(inner) == 1 else None
    return annotation
