"""Where settings come from: the file, the credentials of the service manager, the environment.

The environment wins over the credentials, and those over the file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from config.problems import ConfigError, did_you_mean
from config.tree import holds_secret, path_of, walk
from config.yamlfile import Document

__all__ = [
    "PATH_VARIABLE",
    "PREFIX",
    "Source",
    "anchored",
    "credentials",
    "exposed",
    "merged",
    "nested",
    "odd_variables",
    "variables",
]

PREFIX: Final = "KAIROS_"
PATH_VARIABLE: Final = "KAIROS_CONFIG"
# What the examples of the API call the key in a shell: exported, it must not stop the commands.
_KEY_VARIABLE: Final = "KAIROS_KEY"
# Variables of the lab and of the tests, which are no settings.
_OTHERS: Final = ("KAIROS_LAB_", "KAIROS_TEST_")
_SECRET_FILES: Final = frozenset({"secret_file", "url_file", "keyfile"})
_CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
# Mounted into a container, where everybody is us.
_CONTAINER_SECRETS: Final = "/run/secrets"
_LARGEST_CREDENTIAL: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a configuration was read from.

    ``variables`` and ``credentials`` are names by key path. ``warnings`` are sentences about what
    works and should be otherwise.
    """

    file: Path
    document: Document = field(repr=False)
    variables: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    overrides: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()

    def origin(self, path: str) -> str:
        """Tell in words where the value of a key comes from."""
        for one in _upwards(path):
            if one in self.variables:
                return f"variable {self.variables[one]}"
        if path in self.overrides:
            return "this command"
        if path in self.credentials:
            return f"credential {self.credentials[path]}"
        if path in self.document.lines:
            return f"{self.file.name}, line {self.document.lines[path]}"
        return "default"


def _upwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]


def variables() -> dict[str, str]:
    """Map key paths to the variables that set them."""
    return {
        name.removeprefix(PREFIX).lower().replace("__", "."): name
        for name in os.environ
        if name.startswith(PREFIX)
        and name not in {PATH_VARIABLE, _KEY_VARIABLE}
        and not name.startswith(_OTHERS)
    }


def odd_variables(model: type[BaseModel]) -> Iterator[str]:
    """Tell of variables that look like settings and are none."""
    for path, name in variables().items():
        key = path.split(".", 1)[0]
        if key not in model.model_fields:
            yield f"{name}: no such setting; {did_you_mean(key, model.model_fields)}"


def credentials(model: type[BaseModel]) -> dict[str, str]:
    """Read what a service manager hands over: files named like the secret settings they hold.

    Such as ``carriers.office.secret`` in the folder that CREDENTIALS_DIRECTORY names. Files with
    other names are for other uses and left alone. Raises ConfigError if one cannot be read.
    """
    folder = os.environ.get(_CREDENTIALS)
    if not folder or not Path(folder).is_dir():
        return {}
    found: dict[str, str] = {}
    for file in sorted(Path(folder).iterdir()):
        if file.is_file() and holds_secret(model, file.name.split(".")):
            found[file.name] = _credential(file)
    return found


def _credential(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as text:
            value = text.read(_LARGEST_CREDENTIAL).strip()
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "not text"
        raise ConfigError([f"credential {file.name}: cannot be read ({why})"]) from None
    if not value:
        raise ConfigError([f"credential {file.name}: is empty; put the secret into it"])
    return value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn values by key path into groups of keys."""
    result: dict[str, Any] = {}
    for path, value in values.items():
        *parents, last = path.split(".")
        group = result
        for parent in parents:
            group = group.setdefault(parent, {})
        group[last] = value
    return result


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one configuration over another, group by group."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def anchored(data: Any, kind: object, folder: Path) -> Any:  # noqa: ANN401 -- unchecked input
    """Make the relative paths in a configuration absolute, from the folder it lies in."""
    places = {
        loc for loc, value, found in walk(data, kind) if found is Path and isinstance(value, str)
    }

    def rebuilt(value: Any, loc: tuple[str | int, ...]) -> Any:  # noqa: ANN401 -- as above
        if isinstance(value, Mapping):
            return {key: rebuilt(one, (*loc, str(key))) for key, one in value.items()}
        return str(folder / value) if loc in places and value else value

    return rebuilt(data, ())


def exposed(raw: Mapping[str, Any], model: type[BaseModel], file: Path) -> Iterator[str]:
    """Tell of secrets that everybody on this machine may read.

    The secret of a lab carrier guards nothing and is not told of.
    """
    carriers = raw.get("carriers")
    lab = {
        ("carriers", name)
        for name, one in (carriers.items() if isinstance(carriers, Mapping) else ())
        if isinstance(one, Mapping) and one.get("type") == "lab"
    }
    secret: str | None = None
    for loc, value, kind in walk(raw, model):
        if not value or loc[:2] in lab:
            continue
        if kind is SecretStr:
            secret = secret or path_of(loc)
        elif loc[-1] in _SECRET_FILES and _readable_by_all(Path(str(value))):
            text = f"{path_of(loc)}: everybody on this machine may read {value}"
            yield f"{text}; say: chmod o-rwx {value}"
    if secret and _readable_by_all(file):
        yield (
            f"{file.name} holds a secret ({secret}) and everybody on this machine may read it; "
            f"say: chmod o-rwx {file}"
        )


def _readable_by_all(file: Path) -> bool:
    if file.is_relative_to(_CONTAINER_SECRETS):
        return False
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
