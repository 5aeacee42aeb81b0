"""The project's own Python source, as the architecture tests read it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("adapters", "config", "fallback", "gateway", "predictor")


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method, and how many lines it has without its docstring."""

    name: str
    lines: int


def python_files(*folders: str) -> list[Path]:
    """Paths relative to the root, in order; a folder that does not exist has none."""
    return sorted(
        path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py")
    )


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"), filename=str(path))


def line_count(path: Path) -> int:
    return len((ROOT / path).read_text("utf-8").splitlines())


def functions(path: Path) -> Iterator[Function]:
    """Every function of the file by its qualified name; an inner one counts for itself too."""
    yield from _functions(tree(path), "")


def _functions(node: ast.AST, prefix: str) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(f"{prefix}{child.name}", _length(child))
        inner = f"{prefix}{child.name}." if isinstance(child, _NAMED) else prefix
        yield from _functions(child, inner)


_NAMED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    docstring = 0
    if ast.get_docstring(function, clean=False) is not None:
        docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring
