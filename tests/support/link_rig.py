"""A link to the fake Asterisk, by itself, with everything that it said."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

from adapters.asterisk.config import AsteriskSettings, Secret
from adapters.asterisk.link import Link
from adapters.asterisk.wire import Packet
from adapters.memory.clock import ManualClock
from gateway.domain.errors import DialError
from gateway.domain.pacing import Limits
from tests.support.fake_ami import FakeAmi

SECRET = "do-not-show-me"
WANTED = (
    *(b"A", b"B", b"Bad", b"OriginateResponse"),
    *(b"CoreShowChannel", b"CoreShowChannelsComplete"),
)
ORDER = {"Action": "Originate", "Channel": "PJSIP/+358401234567@trunk", "Async": "true"}


def settings_for(ami: FakeAmi, **changes: Any) -> AsteriskSettings:
    """Build settings that lead to the fake."""
    settings = AsteriskSettings(
        boot_wait=0.0,
        name="pbx",
        host="127.0.0.1",
        port=ami.port,
        username="kairos",
        secret=Secret(SECRET),
        channel_template="PJSIP/{number}@trunk",
        routes={},
        limits=Limits(calls_per_second=10, concurrent_calls=10),
        leg_prefix="k",
        login_timeout=0.2,
        ping_timeout=0.05,
    )
    return replace(settings, **changes)


class Rig:
    """A link to a fake, and everything that it said."""

    def __init__(self, ami: FakeAmi, **changes: Any) -> None:
        self.ami = ami
        self.clock = ManualClock()
        self.packets: list[Packet] = []
        self.said: list[str] = []
        self.moved = asyncio.Event()
        self.waits = 0
        self.prepared = True
        self.link = Link(
            settings_for(ami, **changes),
            clock=self.clock,
            delays=self._delays,
            wanted=WANTED,
            variables=(),
            on_packet=self._on_packet,
            prepare=self._prepare,
            on_up=lambda: self._say("up"),
            on_down=lambda reason: self._say(f"down: {reason}"),
            ready=self._ready,
        )

    def _delays(self) -> Iterator[float]:
        while True:
            self.waits += 1
            yield 1.0

    def _on_packet(self, packet: Packet) -> None:
        self.packets.append(packet)
        self.moved.set()
        if packet.name == b"Bad":
            raise ValueError("+358401234567")

    async def _prepare(self) -> None:
        self.prepared = True

    async def _ready(self) -> None:
        pass

    def _say(self, what: str) -> None:
        self.said.append(what)
        self.moved.set()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds that may change with any news."""
        async with asyncio.timeout(5):
            while not holds():
                self.moved.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await self.moved.wait()

    async def up(self, times: int = 1) -> None:
        """Wait until the link came up this often, moving the clock over the pauses."""
        async with asyncio.timeout(5):
            while self.said.count("up") < times:
                await self.clock.advance(1.0)
                await self.until(lambda: True)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.01):
                        self.moved.clear()
                        await self.moved.wait()

    def events(self) -> list[bytes]:
        return [packet.name for packet in self.packets if packet.is_event]

    @property
    def pending(self) -> int:
        protocol = self.link._protocol
        return len(protocol.responses) if protocol else 0


@contextlib.asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[Rig]:
    task = asyncio.create_task(rig.link.run())
    try:
        yield rig
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, DialError):
            await task
