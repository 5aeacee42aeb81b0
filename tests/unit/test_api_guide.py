"""The guide to the API says what the API is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.web.api.operation import Operation
from gateway.web.api.problem_types import PROBLEM_TYPES
from gateway.web.api.resources import OPERATIONS

_GUIDE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
_CALL = re.compile(r"curl -sS(.*?)\$API(/\S+?)\"?(?: --json '(.*?)')?\n", re.DOTALL)
_NAMED = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/v1/[^`]*)`")
_ELSEWHERE = {"Webhooks", "Service"}
"""What other pages tell about."""


def _operation(method: str, path: str) -> Operation:
    for one in OPERATIONS:
        pattern = re.sub(r"{\w+}", "[^/]+", one.path)
        if one.method == method and re.fullmatch(pattern, path):
            return one
    pytest.fail(f"there is no {method} {path}")


@pytest.mark.parametrize(("options", "path", "body"), _CALL.findall(_GUIDE))
def test_a_command_in_the_guide_would_be_taken(options: str, path: str, body: str) -> None:
    found = re.search(r"-X (\w+)", options)
    method = found[1] if found else "POST" if body else "GET"
    operation = _operation(method, path.partition("?")[0])
    if body:
        assert operation.body is not None
        checked = operation.body.model_validate_json(body)
        if "items" in operation.body.model_fields:
            assert all(not isinstance(one, Exception) for one in checked.items)  # type: ignore[attr-defined]
    for name in re.findall(r"[?&](\w+)=", path):
        assert operation.query is not None
        assert name in operation.query.model_fields


def test_the_guide_names_every_operation_that_it_is_about() -> None:
    named = {(method, path.partition("?")[0]) for method, path in _NAMED.findall(_GUIDE)}
    named |= {
        (one.method, one.path)
        for options, path, body in _CALL.findall(_GUIDE)
        for found in [re.search(r"-X (\w+)", options)]
        for one in [
            _operation(found[1] if found else "POST" if body else "GET", path.partition("?")[0])
        ]
    }
    there = {(one.method, one.path) for one in OPERATIONS}
    assert named <= there
    wanted = {(one.method, one.path) for one in OPERATIONS if one.tag not in _ELSEWHERE}
    assert wanted - named == set()


def test_the_guide_names_every_problem_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", _GUIDE, re.MULTILINE)
    told = {
        (int(status), slug) for status, slugs in rows for slug in re.findall(r"`([\w-]+)`", slugs)
    }
    assert told == {(one.status, one.slug) for one in PROBLEM_TYPES.values()}
