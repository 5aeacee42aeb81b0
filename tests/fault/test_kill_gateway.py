"""The gateway is killed while it dials: nobody is lost, nobody is dialed twice.

An auditor that knows nothing of Kairos holds the database against what the PBX's side wrote down.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.courses import gateway_killed
from tests.fault.runner import KILL, Course, Verdict
from tests.fault.switches import real, simulated


@pytest.mark.slow
@pytest.mark.timeout(500)
async def test_fifty_kills_on_the_simulated_pbx(
    tmp_path: Path, tell: Callable[[str, str], None]
) -> None:
    verdict = await gateway_killed(tmp_path, simulated, Course(people=620), kills=50)
    tell("50 kills of the gateway, simulated PBX", verdict.table)
    _holds(verdict, 50)


@pytest.mark.slow
@pytest.mark.asterisk
@pytest.mark.timeout(300)
async def test_ten_kills_on_a_real_asterisk(
    tmp_path: Path, tell: Callable[[str, str], None]
) -> None:
    course = Course(people=200, rate=15.0, seed=2, ask_twice=False)
    verdict = await gateway_killed(tmp_path, real, course, kills=10)
    tell("10 kills of the gateway, real Asterisk", verdict.table)
    _holds(verdict, 10)


def _holds(verdict: Verdict, kills: int) -> None:
    report = verdict.report
    assert (report["lost"], report["twice"], verdict.code) == (0, 0, 0), verdict.table
    assert verdict.objection == ""
    assert report["kills"][KILL] == kills
    assert min(report["on_the_wire_at_a_kill"]) > 0, "a kill hit no call: it was no test"
    assert report["unresolved_share"] < 0.01, verdict.table
    assert report["accepted"] == sum(report["callbacks"].values())
