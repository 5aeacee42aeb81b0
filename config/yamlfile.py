"""Reading YAML without its surprises.

``NO`` is Norway and not false, ``22:30`` is a time and not 1350, a key that is written twice is a
mistake and not the last one wins; and a broken file is one sentence with a line number.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from config.problems import ConfigError
from config.tree import path_of

__all__ = ["Document", "Scalar", "parse_document", "read_document", "read_yaml"]

_MAX_BYTES = 1_000_000


class _Loader(yaml.SafeLoader):
    """The safe loader with the booleans and numbers of YAML 1.2 and without repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 -- the library's signature
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"a key must be a word, not {key!r}; put it in quotes",
                    key_node.start_mark,
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is there twice; keep one", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_PLAIN = {
    "tag:yaml.org,2002:bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "tag:yaml.org,2002:int": (r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
    "tag:yaml.org,2002:null": (r"^(?:~|null|Null|NULL|)$", "~nN\0"),
}
_Loader.yaml_implicit_resolvers = {}
for _tag, (_pattern, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), [*_first.replace("\0", ""), ""])


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value in the text of a file: from character ``start`` to before ``end``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a YAML file holds, and where: lines and texts of values, by key path."""

    data: dict[str, Any]
    text: str
    lines: Mapping[str, int]
    scalars: Mapping[str, Scalar]


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping a YAML file holds. Raises ConfigError with one sentence."""
    return read_document(path).data


def read_document(path: Path) -> Document:
    """Read a YAML file that holds a mapping. Raises ConfigError with one sentence."""
    return parse_document(_text(path), path)


def parse_document(text: str, path: Path) -> Document:
    """Read a text that would stand in a file. Raises ConfigError with one sentence."""
    lines: dict[str, int] = {}
    scalars: dict[str, Scalar] = {}
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
        for where, key, value in _places(node, set()) if node is not None else ():
            lines[where] = key.start_mark.line + 1
            if isinstance(value, yaml.ScalarNode):
                scalars[where] = Scalar(value.start_mark.index, value.end_mark.index)
    except yaml.MarkedYAMLError as problem:
        raise ConfigError([f"{path}{_line(problem)}: {_what(problem)}"]) from None
    except (yaml.YAMLError, RecursionError):
        raise ConfigError([f"{path}: is not YAML text"]) from None
    if not isinstance(data, dict):
        raise ConfigError([f"{path}: must hold keys with values, like 'data_dir: data'"])
    return Document(data=data, text=text, lines=lines, scalars=scalars)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError([f"{path}: larger than {_MAX_BYTES} bytes; this is no settings file"])
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file"]) from None
    except OSError as problem:
        raise ConfigError([f"{path}: cannot be read ({problem.strerror})"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from None


def _places(
    node: yaml.Node, seen: set[int], loc: tuple[str | int, ...] = ()
) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Go through everything below a node: its path, the node that names it, the node it is.

    What is used again by an alias is told once, where it is first.
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    below: list[tuple[str | int, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        below = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        below = [(position, one, one) for position, one in enumerate(node.value)]
    for part, name, value in below:
        yield path_of((*loc, part)), name, value
        yield from _places(value, seen, (*loc, part))


def _line(problem: yaml.MarkedYAMLError) -> str:
    mark = problem.problem_mark or problem.context_mark
    return f", line {mark.line + 1}" if mark else ""


def _what(problem: yaml.MarkedYAMLError) -> str:
    return problem.problem or problem.context or "is not YAML text"
