"""The import rules hold, and each of them notices when it is broken."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import PRODUCT, ROOT

# One breach for each rule, by the rule's id: a file that imports what it must not.
PLANTED = {
    "layers": ("gateway/domain/planted.py", "adapters"),
    "adapters": ("adapters/sql/planted.py", "adapters.asterisk"),
    "config": ("config/planted.py", "gateway"),
    "tests": ("gateway/planted.py", "tests"),
    "core-libraries": ("gateway/domain/planted.py", "aiohttp"),
    "app-libraries": ("gateway/app/planted.py", "typer"),
    "web-libraries": ("gateway/web/planted.py", "typer"),
    "config-libraries": ("config/planted.py", "aiohttp"),
    "panoramisk": ("gateway/planted.py", "panoramisk"),
    "sql": ("adapters/memory/planted.py", "sqlmodel"),
    "tenacity": ("fallback/planted.py", "tenacity"),
    "pyarrow": ("gateway/planted.py", "pyarrow"),
    "sklearn": ("gateway/planted.py", "sklearn"),
}

_RULES: dict[str, str] = {
    rule["id"]: rule["name"]
    for rule in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The product's source with its import rules, to be spoilt."""
    for package in PRODUCT:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_rule_holds(copy: Path) -> None:
    assert _broken(copy) == set()


def test_every_rule_notices_a_breach(copy: Path) -> None:
    for file, imported in PLANTED.values():
        place = copy / file
        place.parent.mkdir(exist_ok=True)
        (place.parent / "__init__.py").touch()
        with place.open("a") as module:
            module.write(f"import {imported}\n")
    assert _broken(copy) == set(_RULES)


def test_every_rule_has_a_breach_to_notice() -> None:
    assert PLANTED.keys() == _RULES.keys()


def _broken(folder: Path) -> set[str]:
    """The ids of the rules which import-linter finds broken in ``folder``."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=folder, check=False, capture_output=True, text=True
    )
    verdicts = {
        rule: line.removeprefix(name).split()[0]
        for line in done.stdout.splitlines()
        for rule, name in _RULES.items()
        if line.startswith((f"{name} KEPT", f"{name} BROKEN"))
    }
    assert verdicts.keys() == _RULES.keys(), done.stdout + done.stderr
    return {rule for rule, verdict in verdicts.items() if verdict == "BROKEN"}
