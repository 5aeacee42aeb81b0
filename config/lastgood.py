"""The last configuration that worked, kept so that there is one to start with.

It lies in ``last-good`` in the data directory: the settings file with its comments, its paths made
absolute, and the rule files it names. Only the owner of the data directory may read it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from config.countries import load_countries
from config.problems import ConfigError
from config.retry_rules import load_retry_rules
from config.settings import Settings, load_settings
from config.show import leaves
from config.sources import PREFIX, anchored, merged
from config.tree import path_of, walk
from config.yamlfile import Document, parse_document

__all__ = ["FOLDER", "NAME", "find", "keep"]

FOLDER: Final = "last-good"
"""Its name in the data directory."""
NAME: Final = "kairos.yaml"
"""The name of the settings file there."""
_RULES: Final = {"countries_file": "countries.yaml", "retry_rules_file": "retry-rules.yaml"}
_DATA_DIR: Final = re.compile(r"^data_dir:\s*[\"']?([^\"'#\n]+?)[\"']?\s*(?:#.*)?$", re.MULTILINE)


def keep(settings: Settings) -> Path | None:
    """Keep a configuration that works and return the copy; None if it is that copy itself.

    Raises OSError if it cannot be written, ConfigError if the copy would not work.
    """
    source = settings.source
    folder = settings.data_dir / FOLDER
    if source is None or source.file.is_relative_to(folder.resolve()):
        return None
    fresh = settings.data_dir / f"{FOLDER}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    try:
        for key, name in _RULES.items():
            if key in source.document.data and (file := getattr(settings, key)) is not None:
                _write(fresh / name, file.read_text(encoding="utf-8"))
        _write(fresh / NAME, _moved(source.document, source.file))
        _check(fresh / NAME, settings)
        old = settings.data_dir / f"{FOLDER}.old"
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder / NAME


def find(broken: Path) -> Path | None:
    """Return the kept configuration that belongs to a settings file which cannot be used."""
    for data_dir in _data_dirs(broken):
        copy = broken.resolve().parent / data_dir / FOLDER / NAME
        if copy.is_file() and copy.resolve() != broken.resolve():
            return copy
    return None


def _data_dirs(broken: Path) -> Iterator[str]:
    """Guess where a file that may not even be YAML has its data."""
    if named := os.environ.get(f"{PREFIX}DATA_DIR"):
        yield named
    try:
        text = broken.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    yield from _DATA_DIR.findall(text)
    yield "kairos-data"


def _moved(document: Document, file: Path) -> str:
    """Return the text of the settings with their paths as seen from anywhere."""
    wanted: dict[str, Any] = merged(
        anchored({"data_dir": "kairos-data", **document.data}, Settings, file.parent),
        {key: name for key, name in _RULES.items() if document.data.get(key)},
    )
    places = [
        (document.scalars[path], str(value))
        for loc, value, kind in walk(wanted, Settings)
        if kind is Path and value and (path := path_of(loc)) in document.scalars
    ]
    text = document.text
    for scalar, value in sorted(places, key=lambda one: -one[0].start):
        text = f"{text[: scalar.start]}{json.dumps(value)}{text[scalar.end :]}"
    head = f"# Kept by Kairos: the last configuration that worked, from {file}\n"
    if "data_dir" not in document.data:
        text = f"{text.rstrip()}\ndata_dir: {json.dumps(wanted['data_dir'])}\n"
    return head + (text if _holds(text, wanted) else json.dumps(wanted, indent=2) + "\n")


def _holds(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return parse_document(text, Path(NAME)).data == wanted
    except ConfigError:
        return False


def _write(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as out:
        out.write(text)


def _check(file: Path, settings: Settings) -> None:
    """Raise ConfigError unless the copy can be started with."""
    copy = load_settings(file)
    wanted = {**dict(leaves(settings)), **{key: getattr(copy, key) for key in _RULES}}
    if dict(leaves(copy)) != wanted:
        raise ConfigError([f"{file}: the copy is not the same"])
    load_countries(copy.countries_file, practice=copy.profile == "practice")
    load_retry_rules(copy.retry_rules_file)
