"""A package's ``__init__`` is a promise: what it offers is in ``__all__``, and is there.

That ``__all__`` is in order is ruff's to check (RUF022).
"""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import PRODUCT, python_files, tree

_PACKAGES = [path for path in python_files(*PRODUCT) if path.name == "__init__.py"]


@pytest.mark.parametrize("path", _PACKAGES, ids=lambda path: path.parent.as_posix())
def test_a_package_lists_what_it_offers(path: Path) -> None:
    offered = sorted(_offered(tree(path)))
    if not offered:
        return
    package = importlib.import_module(".".join(path.parent.parts))
    listed: list[str] = getattr(package, "__all__", [])
    assert [name for name in offered if name not in listed] == [], "not in __all__"
    assert [name for name in listed if not hasattr(package, name)] == [], "not there"
    assert len(set(listed)) == len(listed), "listed twice"


def _offered(module: ast.Module) -> Iterator[str]:
    for name in _bound(module):
        if not name.startswith("_"):
            yield name


def _bound(module: ast.Module) -> Iterator[str]:
    """The names the file makes itself or takes from our own packages."""
    for node in module.body:
        match node:
            case ast.ImportFrom(module=source) if (source or "").split(".")[0] in PRODUCT:
                yield from (alias.asname or alias.name for alias in node.names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case _:
                pass
