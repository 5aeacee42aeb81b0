"""Unit and property tests do not wait for real time: the clock is handed in.

``asyncio.sleep(0)`` is allowed, for it waits for nothing: it gives way to other tasks.
"""

import ast

import pytest

from tests.architecture.source import python_files, tree


def test_no_test_waits_for_real_time() -> None:
    found = [
        f"{path}:{call.lineno}"
        for path in python_files("tests/unit", "tests/property")
        for call in _calls(tree(path))
        if _sleeps(call)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "sleeps"),
    [
        ("time.sleep(1)", True),
        ("await asyncio.sleep(0.01)", True),
        ("await asyncio.sleep(delay)", True),
        ("sleep(2)", True),
        ("await asyncio.sleep(0)", False),
        ("time.sleep(0)", True),
        ("await clock.sleep(30)", False),
    ],
)
def test_knows_a_sleep(line: str, sleeps: bool) -> None:
    assert any(map(_sleeps, _calls(ast.parse(line)))) == sleeps


def _calls(module: ast.Module) -> list[ast.Call]:
    return [node for node in ast.walk(module) if isinstance(node, ast.Call)]


def _sleeps(call: ast.Call) -> bool:
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="asyncio"), attr="sleep"),
            args=[ast.Constant(value=0)],
        ):
            return False
        case ast.Call(func=ast.Attribute(value=ast.Name(id="time" | "asyncio"), attr="sleep")):
            return True
        case ast.Call(func=ast.Name(id="sleep")):
            return True
        case _:
            return False
