"""The simulated PBX: starts, dies, comes up again, on one address."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from adapters.lab.ami import AmiClient, ami_session
from adapters.lab.faults import Faults
from adapters.lab.numbers import suffix_world
from adapters.lab.people import WireCall
from adapters.lab.simpbx.carrier import Carrier
from adapters.lab.simpbx.evidence import (
    CelFile,
    WireLine,
    WireLog,
    last_boot,
    read_wire,
    wire_calls,
)
from adapters.lab.simpbx.exchange import Exchange, wall_clock
from adapters.lab.simpbx.users import AmiUser, lab_users
from adapters.lab.world import World

_BACKLOG: Final = 1000


class SimulatedPbx:
    """A PBX that speaks AMI on loopback and takes its people from a world.

    An async context manager: up on entry, gone on exit. ``port`` 0: any free
    one, kept over restarts. ``seed`` draws all chances, the faults' aside.
    ``speed``: simulated seconds per real second, for every duration of a call,
    the ring timeout and the login's patience. ``disorder`` scales how far an
    answer may overtake the news of its call; 0: never. ``users``: besides the
    gateway's ``username`` and ``observer``, who have the rights they have in
    the real lab. ``gives_reasons``: whether a far end that hangs up says why;
    not all do, and Asterisk shows cause 0 then. ``clock``: the instant shown
    to the world. ``cel_file`` and ``wire_log`` are appended to and stay; by
    default they are in a temporary folder, which goes at exit.
    """

    def __init__(  # noqa: PLR0913 - every one has a default
        self,
        world: World | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = "kairos",
        secret: str = "",
        users: Mapping[str, AmiUser] | None = None,
        endpoints: frozenset[str] = frozenset({"lab"}),
        cel_file: Path | None = None,
        wire_log: Path | None = None,
        seed: int = 1,
        speed: float = 1.0,
        disorder: float = 1.0,
        down_seconds: float = 0.3,
        faults: Faults | None = None,
        gives_reasons: bool = True,
        clock: Callable[[], datetime] = wall_clock,
    ) -> None:
        self.world: World = world if world is not None else suffix_world()
        self.host, self.port, self.username = host, port, username
        self.secret = secret or secrets.token_hex(24)
        self.observer_secret = secrets.token_hex(24)
        self._place_files(cel_file, wire_log)
        self.faults = faults or Faults()
        self.boots = 0
        self._users = {**lab_users(username, self.secret, self.observer_secret), **(users or {})}
        self._endpoints, self._speed, self._disorder = endpoints, speed, disorder
        self._down_seconds, self._clock, self._rng = down_seconds, clock, random.Random(seed)
        self._booted = last_boot(self.wire_log)
        self._gives_reasons = gives_reasons
        self._exchange: Exchange | None = None
        self._main: asyncio.Task[None] | None = None
        self._wanted_up = True
        self._ready, self._change, self._gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._gone.set()
        self._closing = False

    def _place_files(self, cel_file: Path | None, wire_log: Path | None) -> None:
        self._folder: Path | None = None
        if cel_file is None or wire_log is None:
            self._folder = folder = Path(tempfile.mkdtemp(prefix="kairos-simpbx-"))
            cel_file, wire_log = cel_file or folder / "cel.csv", wire_log or folder / "wire.jsonl"
        self.cel_file, self.wire_log = cel_file, wire_log

    async def __aenter__(self) -> Self:
        self._main = asyncio.create_task(self.run(), name="simpbx")
        try:
            await self._until_up()
        except BaseException:
            self._main.cancel()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closing = True
        await self.kill()
        if self._main is not None:
            await self._main
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def run(self) -> None:
        """Be a PBX until canceled or left; for callers with a task group of their own.

        Raises :class:`OSError` when the port is taken.
        """
        cel, wire = CelFile(self.cel_file), WireLog(self.wire_log)
        try:
            carrier = Carrier(self.world, wire, self._clock, gives_reasons=self._gives_reasons)
            while not self._closing:
                await self._one_run(carrier, cel, wire)
                await self._stay_down()
        finally:
            self._ready.set()
            cel.close()
            wire.close()

    async def _one_run(self, carrier: Carrier, cel: CelFile, wire: WireLog) -> None:
        # CoreStatus tells whole seconds: every start must show another one.
        self._booted = max(time.time(), self._booted + 1)
        exchange = Exchange(
            users=self._users,
            carrier=carrier,
            cel=cel,
            wire=wire,
            faults=self.faults,
            rng=self._rng,
            booted=self._booted,
            speed=self._speed,
            disorder=self._disorder,
            endpoints=self._endpoints,
        )
        server = await self._listen(exchange)
        self.boots += 1
        wire.write("boot", epoch=self._booted, pid=os.getpid(), port=self.port)
        self._exchange = exchange
        self._gone.clear()
        try:
            await exchange.run(server, self._ready)
        finally:
            self._exchange = None
            self._ready.clear()
            self._gone.set()
            server.close()

    async def _listen(self, exchange: Exchange) -> asyncio.Server:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((self.host, self.port))
            self.port = int(sock.getsockname()[1])
            return await asyncio.start_server(
                exchange.accept, sock=sock, backlog=_BACKLOG, start_serving=False
            )
        except BaseException:
            sock.close()
            raise

    async def _stay_down(self) -> None:
        if self._closing:
            return
        if self._wanted_up:
            await asyncio.sleep(self._down_seconds)
        while not self._wanted_up and not self._closing:
            self._change.clear()
            await self._change.wait()

    async def kill(self) -> None:
        """Die at once, as by a power cut; stays down until :meth:`start`."""
        self._wanted_up = False
        self._change.set()
        if self._exchange is not None:
            self._exchange.power_cut()
        await self._gone.wait()

    async def stop(self) -> None:
        """Stop in good order: calls end, clients hear Shutdown; stays down until :meth:`start`."""
        self._wanted_up = False
        if self._exchange is not None:
            await self._exchange.shut_down()
        await self.kill()

    async def start(self) -> None:
        """Come up again on the same address, without memory of anything; returns when up."""
        self._wanted_up = True
        self._change.set()
        await self._until_up()

    async def restart(self) -> None:
        """Die and come up again at once."""
        await self.kill()
        await self.start()

    async def _until_up(self) -> None:
        await self._ready.wait()
        if self._exchange is None and self._main is not None and self._main.done():
            await self._main
            raise RuntimeError("the simulated PBX has ended")

    def freeze(self) -> None:
        """Let the open connections hang: nothing is read or written until :meth:`thaw`."""
        if self._exchange is not None:
            self._exchange.freeze()

    def thaw(self) -> None:
        """Let frozen connections go on."""
        if self._exchange is not None:
            self._exchange.thaw()

    @property
    def up(self) -> bool:
        """Whether it can be connected to now."""
        return self._exchange is not None

    @property
    def living(self) -> int:
        """How many channels are alive now."""
        return 0 if self._exchange is None else len(self._exchange.lines.channels)

    def wire(self) -> list[WireLine]:
        """Return everything in the wire log, oldest first."""
        return read_wire(self.wire_log)

    def calls(self) -> list[WireCall]:
        """Return every call that reached the far end so far, oldest first."""
        return wire_calls(self.wire())

    @asynccontextmanager
    async def session(self, *, observer: bool = False) -> AsyncIterator[AmiClient]:
        """Open a raw AMI session as the gateway's user, or as the all-seeing ``observer``."""
        user = ("observer", self.observer_secret) if observer else (self.username, self.secret)
        async with ami_session(self.host, self.port, *user) as client:
            yield client
