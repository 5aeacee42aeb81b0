"""The practice switch: a real Asterisk where one can be had, else a simulated one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

from adapters.lab.asterisk import AsteriskLab
from adapters.lab.errors import LabUnavailable
from adapters.lab.practice import PracticeWorld
from adapters.lab.simpbx import SimulatedPbx
from adapters.lab.world import Behaviour
from gateway.cli.root import PbxKind, PracticePbx, PracticePerson
from gateway.lifecycle import ExitCode, Failure

__all__ = ["practice_pbx", "practice_people"]

# A working Tuesday begins: mornings in Europe, late evening in Sydney, night in America. Five
# minutes pass there in every second, so a practice run sees most of a day.
_WORLD_STARTS: Final = datetime(2025, 6, 10, 7, 30, tzinfo=UTC)
_WORLD_PACE: Final = 300.0


def practice_people(*, seed: int, size: int) -> Sequence[PracticePerson]:
    """Return the people of the practice world, in a fixed order."""
    return [
        PracticePerson(number=one.number, zone=one.zone, place=one.place)
        for one in PracticeWorld(seed=seed, size=size).people
    ]


@asynccontextmanager
async def practice_pbx(
    kind: PbxKind, folder: Path, *, seed: int, size: int, speed: float, say: Callable[[str], None]
) -> AsyncIterator[PracticePbx]:
    """Start a switch with these people behind it; it is gone when this is left, however.

    ``auto`` takes a real Asterisk where one can be had. Raises Failure where ``real`` cannot.
    """
    world = PracticeWorld(seed=seed, size=size)
    began = monotonic()

    def world_time() -> datetime:
        passed = (monotonic() - began) * _WORLD_PACE * speed
        return _WORLD_STARTS + timedelta(seconds=passed)

    async with AsyncExitStack() as stack:
        pbx: PracticePbx | None = None
        why = "as asked"
        if kind != "simulated":
            say("Looking for an Asterisk (the first time this downloads one, about 80 MB) ...")
            try:
                pbx = await _real(stack, _Hurried(world, speed), folder, world_time)
            except LabUnavailable as reason:
                if kind == "real":
                    raise Failure(str(reason.reason), reason.remedy, ExitCode.NO_PBX) from None
                why = f"no Asterisk can be had: {reason.reason}"
        if pbx is None:
            pbx = await _simulated(stack, world, folder, world_time, seed, speed, why)
        yield pbx


class _Hurried:
    """A world that rings faster, for a switch that cannot hurry by itself.

    People talk as long as ever: telling them from machines takes its time.
    """

    def __init__(self, world: PracticeWorld, speed: float) -> None:
        self._world = world
        self._speed = speed

    def meet(self, number: str, at: datetime, attempt: int) -> Behaviour:
        found = self._world.meet(number, at, attempt)
        return replace(found, ring_seconds=found.ring_seconds / self._speed)


async def _real(
    stack: AsyncExitStack, world: _Hurried, folder: Path, clock: Callable[[], datetime]
) -> PracticePbx:
    lab = await stack.enter_async_context(AsteriskLab(world, run_dir=folder / "pbx", clock=clock))
    return PracticePbx(
        kind="real",
        about=f"a real Asterisk {lab.installation.version} on this machine",
        carrier=_carrier(lab.ami_port, lab.secret, lab.cel_file),
    )


async def _simulated(
    stack: AsyncExitStack,
    world: PracticeWorld,
    folder: Path,
    clock: Callable[[], datetime],
    seed: int,
    speed: float,
    why: str,
) -> PracticePbx:
    place = folder / "pbx-simulated"  # its logs are written otherwise than those of the real one
    place.mkdir(mode=0o700, exist_ok=True)
    pbx = SimulatedPbx(
        world,
        cel_file=place / "cel.csv",
        wire_log=place / "wire.jsonl",
        seed=seed,
        speed=speed,
        clock=clock,
    )
    await stack.enter_async_context(pbx)
    return PracticePbx(
        kind="simulated",
        about=f"the simulated PBX ({why})",
        carrier=_carrier(pbx.port, pbx.secret, pbx.cel_file),
    )


def _carrier(port: int, secret: str, cel_file: Path) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "secret": secret, "cel_file": str(cel_file)}
