"""One run of the PBX, from its start to its end; all its memory is in here."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from adapters.lab.faults import Faults
from adapters.lab.simpbx.carrier import Carrier
from adapters.lab.simpbx.events import Bus
from adapters.lab.simpbx.line import Lines
from adapters.lab.simpbx.orders import Order, Orders
from adapters.lab.simpbx.session import Session
from adapters.lab.simpbx.users import AmiUser

if TYPE_CHECKING:
    from adapters.lab.simpbx.channel import Channel
    from adapters.lab.simpbx.evidence import CelFile, WireLog

AUTH_SECONDS: Final = 5.0
AUTH_LIMIT: Final = 10
_SHUTDOWN: Final = 4
# Asterisk takes 1.1 s between the end of the calls and its goodbye. Seconds.
_LAST_WORDS: Final = 0.1


class PowerCut(Exception):
    """Ends a run and everything in it at once."""


class Exchange:
    """What one run knows: sessions, channels, clocks. ``booted`` in Unix seconds."""

    def __init__(  # noqa: PLR0913 - what a run is made of
        self,
        *,
        users: Mapping[str, AmiUser],
        carrier: Carrier,
        cel: CelFile,
        wire: WireLog,
        faults: Faults,
        rng: random.Random,
        booted: float,
        speed: float,
        disorder: float,
        endpoints: frozenset[str],
    ) -> None:
        self.users, self.faults, self.wire = users, faults, wire
        self.booted, self.speed = booted, speed
        self.bus = Bus(rng, disorder=disorder)
        self.lines = Lines(self.bus, carrier, cel, wire, rng, speed, booted)
        self.orders = Orders(self.lines, endpoints)
        self._group = asyncio.TaskGroup()
        self._sessions: set[Session] = set()
        self._off = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def uptime(self) -> int:
        """Whole seconds since the start."""
        return max(0, int(time.time() - self.booted))

    @property
    def auth_seconds(self) -> float:
        """How long a client may take to log in, in real seconds."""
        return AUTH_SECONDS / self.speed

    def logged_in(self, user: AmiUser) -> bool:
        """Tell whether a session of this user is open."""
        return any(one.user is not None and one.user.name == user.name for one in self._sessions)

    async def run(self, server: asyncio.Server, ready: asyncio.Event) -> None:
        """Serve until :meth:`power_cut`; every call and session ends with it, without a word."""
        self._server = server
        try:
            async with self._group:
                await server.start_serving()
                ready.set()
                await self._until_off()
        except* PowerCut:
            pass
        finally:
            server.close()
            self.bus.close()
            self.lines.stop()

    async def _until_off(self) -> None:
        await self._off.wait()
        raise PowerCut

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one more client, unless too many have not logged in yet."""
        strangers = sum(one.user is None for one in self._sessions)
        if self._off.is_set() or strangers >= AUTH_LIMIT:
            writer.close()
            return
        session = Session(self, reader, writer)
        self._sessions.add(session)
        task = self._group.create_task(session.run(), name="simpbx-session")
        task.add_done_callback(lambda _: self._sessions.discard(session))

    def start(self, order: Order) -> None:
        """Carry an order out in the background."""
        self._group.create_task(self._carry_out(order), name="simpbx-call")

    def talk(self, order: Order, channel: Channel) -> None:
        """Let an answered channel go on in the background."""
        self._group.create_task(self.orders.talk(order, channel), name="simpbx-call")

    async def _carry_out(self, order: Order) -> None:
        channel = await self.orders.dial(order)
        if channel is not None:
            await self.orders.talk(order, channel)

    def power_cut(self) -> None:
        """Die at once: connections break, calls and memory are lost."""
        if self._server is not None:
            self._server.close()
        for session in self._sessions:
            session.out.abort()
        self._off.set()

    async def shut_down(self) -> None:
        """Stop in good order, as on SIGTERM: calls end, clients are told, then it is over."""
        for channel in self.lines.channels:
            self.lines.soft_hangup(channel, _SHUTDOWN)
            channel.leave(0, "")
        await asyncio.sleep(_LAST_WORDS)
        self.bus.answer("Shutdown", "Shutdown: Cleanly\r\nRestart: False\r\n")
        await asyncio.sleep(_LAST_WORDS)
        for session in self._sessions:
            session.out.close()
        self._off.set()

    def freeze(self) -> None:
        """Let no session read or write until :meth:`thaw`."""
        for session in self._sessions:
            session.out.stall()

    def thaw(self) -> None:
        """Let frozen sessions go on."""
        for session in self._sessions:
            session.out.go_on()


def wall_clock() -> datetime:
    """The present instant, aware."""
    return datetime.now(UTC)
