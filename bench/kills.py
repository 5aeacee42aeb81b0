"""As many kills as you like: ``python -m bench.kills --kills 1000 [--real]``.

The same run as in the tests, longer: the gateway is killed with SIGKILL while it dials, over and
over, then the independent auditor looks. Ends with code 1 when anybody was lost or dialed twice.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from tests.fault.courses import gateway_killed
from tests.fault.runner import Course
from tests.fault.switches import real, simulated

_PEOPLE_A_KILL = 12.0
_MOST_PEOPLE = 13_000


def _run(
    kills: Annotated[int, typer.Option(min=1, help="How often the gateway is killed.")] = 200,
    seed: Annotated[int, typer.Option(help="Draws people, behaviour and instants.")] = 1,
    *,
    on_asterisk: Annotated[bool, typer.Option("--real", help="On a real Asterisk.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Keep all files here.")] = None,
) -> None:
    """Kill the gateway while it dials and print what the auditor finds."""
    people = min(_MOST_PEOPLE, 60 + int(kills * _PEOPLE_A_KILL))
    course = Course(people=people, seed=seed, finish_within=180.0)
    switch = real if on_asterisk else simulated
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kairos-kills-") as own:
        place = folder or Path(own)
        place.mkdir(parents=True, exist_ok=True)
        verdict = asyncio.run(gateway_killed(place, switch, course, kills))
    print(verdict.table)
    print(f"took {time.monotonic() - began:.0f} s, seed {seed}")
    sys.exit(verdict.code)


if __name__ == "__main__":
    typer.run(_run)
