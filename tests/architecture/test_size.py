"""Files and functions stay small enough to be read in one go.

A file of the product has 300 lines at most and a function 40 (its docstring aside), a file
of tests 500. What has a reason to be longer is named in ``large.toml`` with that reason.
"""

import tomllib
from collections.abc import Iterator

from tests.architecture.source import PRODUCT, ROOT, functions, line_count, python_files

FILE_LINES = 300
FUNCTION_LINES = 40
TEST_FILE_LINES = 500

_LARGE: dict[str, str] = tomllib.loads((ROOT / "tests/architecture/large.toml").read_text())


def test_nothing_is_too_long_without_a_reason() -> None:
    too_long = dict(_too_long())
    for name, lines in sorted(too_long.items(), key=lambda item: -item[1]):
        print(f"{lines:5} {name} - {_LARGE.get(name, 'NO REASON GIVEN')}")
    assert sorted(too_long.keys() - _LARGE.keys()) == []


def test_every_exception_is_still_needed_and_has_a_reason() -> None:
    assert sorted(_LARGE.keys() - dict(_too_long()).keys()) == []
    assert [name for name, reason in _LARGE.items() if not reason.strip()] == []


def _too_long() -> Iterator[tuple[str, int]]:
    for path in python_files(*PRODUCT, "bench"):
        if (lines := line_count(path)) > FILE_LINES:
            yield path.as_posix(), lines
        for function in functions(path):
            if function.lines > FUNCTION_LINES:
                yield f"{path.as_posix()}:{function.name}", function.lines
    for path in python_files("tests"):
        if (lines := line_count(path)) > TEST_FILE_LINES:
            yield path.as_posix(), lines
