"""Reading YAML without its surprises.

``NO`` is Norway and not false, ``22:30`` is a time and not 1350, a key that is written twice is a
mistake and not the last one wins; and a broken file is one sentence with a line number.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from config.problems import ConfigError

__all__ = ["read_yaml"]

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


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping a YAML file holds. Raises ConfigError with one sentence."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError([f"{path}: larger than {_MAX_BYTES} bytes; this is no settings file"])
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file"]) from None
    except OSError as problem:
        raise ConfigError([f"{path}: cannot be read ({problem.strerror})"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from None
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a SafeLoader
    except yaml.MarkedYAMLError as problem:
        raise ConfigError([f"{path}{_line(problem)}: {_what(problem)}"]) from None
    except (yaml.YAMLError, RecursionError):
        raise ConfigError([f"{path}: is not YAML text"]) from None
    if not isinstance(data, dict):
        raise ConfigError([f"{path}: must hold keys with values, like 'data_dir: data'"])
    return data


def _line(problem: yaml.MarkedYAMLError) -> str:
    mark = problem.problem_mark or problem.context_mark
    return f", line {mark.line + 1}" if mark else ""


def _what(problem: yaml.MarkedYAMLError) -> str:
    return problem.problem or problem.context or "is not YAML text"
