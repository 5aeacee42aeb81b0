"""The settings as they are in force, with where each comes from; secrets masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from config.settings import Settings
from config.sources import nested
from config.tree import path_of
from config.values import DAYS

__all__ = ["MASK", "Entry", "effective", "entries", "leaves"]

MASK: Final = "***"
_SECRET_FILES: Final = {"secret": "secret_file", "url": "url_file"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key: its path, its value as plain data (secrets masked), and where it comes from."""

    path: str
    value: Any
    origin: str


def entries(settings: Settings) -> list[Entry]:
    """Return every key that has a value, in the order of the documentation."""
    return [
        Entry(path=path, value=_plain(value), origin=_origin(settings, path))
        for path, value in leaves(settings)
        if value is not None
    ]


def effective(settings: Settings) -> dict[str, Any]:
    """Return the settings in force as plain data, secrets masked."""
    return nested({one.path: one.value for one in entries(settings)})


def _origin(settings: Settings, path: str) -> str:
    source = settings.source
    if source is None:
        return "default"
    origin = source.origin(path)
    group, _, key = path.rpartition(".")
    if origin == "default" and key in _SECRET_FILES:
        return f"{group}.{_SECRET_FILES[key]}"
    return origin


def leaves(value: object, loc: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Return each key path and its value as it is in use; secrets are not unwrapped."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from leaves(getattr(value, name), (*loc, name))
    elif isinstance(value, Mapping) and not _is_week(value):
        for key, one in value.items():
            yield from leaves(one, (*loc, str(key)))
    else:
        yield path_of(loc), value


def _is_week(value: Mapping[Any, Any]) -> bool:
    return all(isinstance(key, int) for key in value)


def _plain(value: object) -> object:
    """Turn a value into what JSON knows, written as people write it."""
    match value:
        case SecretStr():
            return MASK
        case Mapping():
            return {DAYS[day]: _plain(hours) for day, hours in value.items()}
        case tuple() | frozenset():
            return [_plain(one) for one in value]
        case float():
            return int(value) if value.is_integer() else value
        case bool() | int() | str() | None:
            return value
    return str(value)
