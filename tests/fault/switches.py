"""The PBX of a fault run: a simulated one in a process of its own, or a real Asterisk."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from adapters.lab.asterisk import AsteriskLab
from adapters.lab.config import free_ports
from adapters.lab.process import Child
from adapters.lab.world import TableWorld
from tests.fault.population import write_world


class Switch(Protocol):
    """A PBX on loopback, with the records its side keeps."""

    port: int
    secret: str
    cel: Path
    wire_log: Path

    async def start(self) -> None:
        """Come up, again after a kill; up on return."""
        ...

    async def kill(self) -> None:
        """Die at once: memory and calls are lost."""
        ...


class SimulatedSwitch:
    """The simulated PBX as a process, so that it can be killed like one."""

    def __init__(self, folder: Path, world: TableWorld, seed: int) -> None:
        self.secret = secrets.token_hex(16)
        (self.port,) = free_ports("tcp")
        self.cel, self.wire_log = folder / "cel.csv", folder / "wire.jsonl"
        for path in (self.cel, self.wire_log):
            path.touch()
        table, key = folder / "world.toml", folder / "secret"
        write_world(world, table)
        key.touch(mode=0o600)
        key.write_text(self.secret)
        given = {
            "port": self.port,
            "secret-file": key,
            "world": table,
            "cel": self.cel,
            "wire-log": self.wire_log,
            "seed": seed,
        }
        options = [part for name, value in given.items() for part in (f"--{name}", str(value))]
        command = (sys.executable, "-m", "adapters.lab.simpbx", *options)
        self._child = Child("the simulated PBX", command, folder / "pbx.log")

    async def start(self) -> None:
        await self._child.start(self._listens)

    async def kill(self) -> None:
        await self._child.kill()

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True


class RealSwitch:
    """The near Asterisk of a lab that is up."""

    def __init__(self, lab: AsteriskLab) -> None:
        self._lab = lab
        self.port, self.secret = lab.ami_port, lab.secret
        self.cel, self.wire_log = lab.cel_file, lab.wire_log

    async def start(self) -> None:
        await self._lab.start()

    async def kill(self) -> None:
        await self._lab.kill()


@asynccontextmanager
async def simulated(folder: Path, world: TableWorld, seed: int) -> AsyncIterator[Switch]:
    """Have a simulated PBX up inside."""
    switch = SimulatedSwitch(folder, world, seed)
    try:
        await switch.start()
        yield switch
    finally:
        await switch.kill()


@asynccontextmanager
async def real(folder: Path, world: TableWorld, seed: int) -> AsyncIterator[Switch]:
    """Have a real Asterisk up inside. Raises LabUnavailable."""
    del seed  # a real one is as random as it is
    async with AsteriskLab(world, run_dir=folder / "lab") as lab:
        yield RealSwitch(lab)
