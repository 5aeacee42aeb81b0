"""The courses that fault runs take: which fault comes when, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.fault.population import Population
from tests.fault.runner import Course, FaultRun, MakeSwitch, Verdict, fault_run

_PIECES: Final = 4
_AT_FIRST: Final = 0.6
_KILLED_AT_START: Final = 10


async def gateway_killed(
    folder: Path, make_switch: MakeSwitch, course: Course, kills: int, program: Sequence[str] = ()
) -> Verdict:
    """Kill the gateway again and again while it dials; most people are there from the start.

    The others are imported in four pieces while it runs: an import that the kill cuts off is made
    again, as its user would. Every tenth time it is killed before that while it still starts.
    """
    first = int(course.people * _AT_FIRST)
    step = -(-(course.people - first) // _PIECES)
    pieces = [slice(at, at + step) for at in range(first, course.people, step)]
    due = {kills * n // _PIECES: piece for n, piece in enumerate(pieces)}
    async with fault_run(folder, course, make_switch, program=program, share=first) as (run, all_):
        for n in range(kills):
            if n % _KILLED_AT_START == _KILLED_AT_START - 1:
                await run.kill_at_start()
            await run.start()
            await _life_and_death(run, all_, due.get(n))
        return await _verdict(run)


async def _verdict(run: FaultRun) -> Verdict:
    """Let everything end and audit; where no time is given for that, audit it as it stands."""
    finished = run.course.finish_within > 0
    if finished:
        await run.finish()
    else:
        await run.gateway.kill()
    return await run.audit(finished=finished)


async def _life_and_death(run: FaultRun, people: Population, piece: slice | None) -> None:
    if piece is None:
        await run.live()
        await run.kill_gateway()
        return
    async with asyncio.TaskGroup() as group:
        importing = group.create_task(run.take_in(people, piece))
        await run.live()
        await run.kill_gateway()
    if not importing.result() and not await run.take_in(people, piece):
        raise AssertionError(f"the import failed twice:\n{run.gateway.last_words()}")


async def gateway_stopped(
    folder: Path, make_switch: MakeSwitch, course: Course, stops: int
) -> Verdict:
    """Stop the gateway in good order again and again while it dials."""
    async with fault_run(folder, course, make_switch) as (run, _):
        for _ in range(stops):
            await run.start()
            await run.live()
            await run.stop_gateway()
        return await _verdict(run)


async def pbx_killed(
    folder: Path,
    make_switch: MakeSwitch,
    course: Course,
    kills: int,
    program: Sequence[str] = (),
) -> Verdict:
    """Kill the PBX again and again under a gateway that dials; it forgets everything."""
    async with fault_run(folder, course, make_switch, program=program) as (run, _):
        await run.start()
        for _ in range(kills):
            await run.live()
            await run.restart_pbx(run.rng.uniform(0.1, 0.6))
            await run.dials_again()
        return await _verdict(run)


async def link_cut(
    folder: Path,
    make_switch: MakeSwitch,
    course: Course,
    cuts: int,
    program: Sequence[str] = (),
) -> Verdict:
    """Cut the AMI link under a gateway that dials, every second time after a silence."""
    async with fault_run(folder, course, make_switch, program=program, proxied=True) as (run, _):
        await run.start()
        for n in range(cuts):
            await run.live()
            await run.cut_link(silent=run.rng.uniform(0.2, 1.0) if n % 2 else 0.0)
            await run.dials_again()
        return await _verdict(run)
