"""What is wrong with a configuration, said so that it can be mended without asking anybody.

One sentence for each problem: the file and line, the path of the key, what is wrong, what would be
right. Values are never quoted where they could be secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ValidationError

from config.tree import model_at, path_of

__all__ = ["ConfigError", "Problems", "describe", "did_you_mean", "line_of", "path_of"]

_MAX_KEYS_SHOWN = 12


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` holds one sentence for each mistake.

    ``remedy``: what would help with all of them, where there is something.
    """

    def __init__(self, problems: Iterable[str], remedy: str = "") -> None:
        self.problems = tuple(problems)
        self.remedy = remedy
        super().__init__("\n".join(self.problems))


class Problems(ValueError):
    """Several mistakes found by one check: pairs of key path and sentence."""

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(f"{path}: {text}" for path, text in found))


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


def line_of(where: str, lines: Mapping[str, int] | None) -> int | None:
    """Return the line of a key; of the group it should be in, where it is not there itself."""
    while where and lines:
        if where in lines:
            return lines[where]
        where = where[: max(where.rfind("."), where.rfind("["), 0)]
    return None


def describe(
    error: ValidationError,
    model: type[BaseModel],
    source: str,
    environment: Mapping[str, str] | None = None,
    lines: Mapping[str, int] | None = None,
) -> tuple[str, ...]:
    """Turn a validation error of ``model`` into sentences that begin with where to look.

    ``source`` is the name of the file and ``lines`` its lines by key path; ``environment`` maps
    key paths to the names of the variables that set them, which are named instead of the file.
    """
    told: list[str] = []
    for one in error.errors(include_url=False, include_input=False):
        inner = (one.get("ctx") or {}).get("error")
        loc = tuple(part for part in one["loc"] if part != "[key]")
        path = path_of(loc)
        if isinstance(inner, Problems):
            found = [(".".join(filter(None, (path, sub))), text) for sub, text in inner.found]
        else:
            found = [(path, _sentence(one["type"], one["msg"], loc, model))]
        for where, text in found:
            variable = (environment or {}).get(where)
            told.append(f"{variable or _place(source, where, lines)}: {text}")
    return tuple(dict.fromkeys(told))


def _place(source: str, where: str, lines: Mapping[str, int] | None) -> str:
    if not where:
        return source
    line = line_of(where, lines)
    return f"{source}, line {line}: {where}" if line else f"{source}: {where}"


def _sentence(kind: str, message: str, loc: Sequence[str | int], model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        holder = model_at(model, loc[:-1])
        known = holder.model_fields if holder else ()
        return f"unknown key; {did_you_mean(loc[-1], known)}"
    if kind == "missing":
        holder = model_at(model, loc[:-1])
        field = holder.model_fields.get(str(loc[-1])) if holder else None
        meaning = f" ({field.description})" if field and field.description else ""
        return f"missing; add this key{meaning}"
    if kind in {"model_type", "dict_type", "model_attributes_type"}:
        return "must be a group of keys with values, indented below it"
    if kind == "string_type":
        return "must be text; put it in quotes"
    if kind == "too_short":
        return "is empty; add at least one"
    text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    text = text.replace("Input should be", "must be")
    return text[:1].lower() + text[1:]
