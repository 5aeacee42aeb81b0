"""What else may break while the gateway dials: the PBX, the link, or somebody stops it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.courses import gateway_stopped, link_cut, pbx_killed
from tests.fault.runner import Course, Verdict
from tests.fault.switches import simulated

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

Tell = Callable[[str, str], None]


async def test_the_pbx_dies_and_forgets_everything(tmp_path: Path, tell: Tell) -> None:
    course = Course(people=200, seed=3, ask_twice=False)
    verdict = await pbx_killed(tmp_path, simulated, course, kills=5)
    tell("5 kills of the PBX", verdict.table)
    _holds(verdict)


async def test_the_link_is_cut(tmp_path: Path, tell: Tell) -> None:
    course = Course(people=200, seed=4, ask_twice=False)
    verdict = await link_cut(tmp_path, simulated, course, cuts=6)
    tell("6 cuts of the AMI link", verdict.table)
    _holds(verdict)
    assert verdict.report["unresolved_share"] < 0.01, verdict.table


async def test_the_gateway_is_stopped_in_good_order(tmp_path: Path, tell: Tell) -> None:
    course = Course(people=120, seed=5, ask_twice=False)
    verdict = await gateway_stopped(tmp_path, simulated, course, stops=3)
    tell("3 stops of the gateway", verdict.table)
    _holds(verdict)
    assert verdict.report["unresolved_share"] < 0.01, verdict.table


def _holds(verdict: Verdict) -> None:
    report = verdict.report
    assert (report["lost"], report["twice"], verdict.code) == (0, 0, 0), verdict.table
    assert verdict.objection == ""
    assert min(report["on_the_wire_at_a_kill"]) > 0, "a fault hit no call: it was no test"
