"""A column mapping of an import as a file, so that the next table of this kind needs no options."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from config.problems import ConfigError
from config.yamlfile import read_yaml

__all__ = ["load_mapping", "save_mapping"]

_ABOUT = "# Which column of the table is what; for kairos import FILE.csv --mapping THIS\n"


def load_mapping(path: Path) -> dict[str, str]:
    """Return column by heading. Raises ConfigError with one sentence for each mistake."""
    data: dict[str, Any] = read_yaml(path)
    unknown = sorted(data.keys() - {"columns"})
    if unknown:
        raise ConfigError([f"{path}: {unknown[0]}: unknown key; there is only columns"])
    columns = data.get("columns")
    if not isinstance(columns, dict) or not columns:
        raise ConfigError([f"{path}: columns: must list headings, like 'Telefon: number'"])
    wrong = [heading for heading, column in columns.items() if not isinstance(column, str)]
    if wrong:
        raise ConfigError([f"{path}: columns.{wrong[0]}: must be the name of a column"])
    return columns


def save_mapping(path: Path, columns: Mapping[str, str]) -> None:
    """Write a mapping down. Raises OSError."""
    text = yaml.safe_dump({"columns": dict(columns)}, allow_unicode=True, sort_keys=False)
    handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(_ABOUT + text)
