"""What a session sends: at once, later, held back, torn or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from adapters.lab.faults import Fault, Faults
from adapters.lab.simpbx.events import Event

# Asterisk noticed a reader that had stopped after about this much unread mail.
_MOST_UNREAD: Final = 4 * 1024 * 1024
_MOST_HELD: Final = 100_000
_GARBAGE: Final = b"\xff\xfe\x00\x1b[31m no colon here\r\nEvent\r\n\r\n"


class Outbox:
    """The writing side of one connection. Bounded: who reads too slowly is cut off."""

    def __init__(self, writer: asyncio.StreamWriter, faults: Faults) -> None:
        self._writer = writer
        self._faults = faults
        self._loop = asyncio.get_running_loop()
        self._held: list[bytes] | None = None
        self._swapped = b""
        self._timers: set[asyncio.TimerHandle] = set()
        self._going = asyncio.Event()
        self._going.set()
        self._muted = False
        self._blocked = False
        self._slow_since = 0.0
        self._closed = False

    def send(self, data: bytes) -> None:
        """Send a reply, unless this connection is mute or stalled."""
        if self._muted or self._closed:
            return
        if self._held is not None:
            self._held.append(data)
            if len(self._held) > _MOST_HELD:
                self.abort()
            return
        self._writer.write(data)

    def send_later(self, data: bytes, seconds: float) -> None:
        """Send in some real seconds; what is sent meanwhile comes first."""
        box: list[asyncio.TimerHandle] = []

        def fire() -> None:
            self._timers.discard(box[0])
            self.send(data)

        box.append(self._loop.call_later(seconds, fire))
        self._timers.add(box[0])

    def send_event(self, event: Event, patience: float) -> None:
        """Send an event, with its faults; ``patience``: seconds to bear a slow reader."""
        if self._muted or self._closed or self._too_slow(patience):
            return
        fault = self._faults.at_event(event.name)
        data, swapped = event.payload, self._swapped
        if fault is Fault.EVENT_LOST:
            return
        if fault is Fault.TORN:
            self.send(data[: len(data) // 2])
            self.close()
            return
        if fault is Fault.EVENT_LATE:
            self.send_later(data, self._faults.delay())
            return
        if fault is Fault.EVENT_SWAPPED and not swapped:
            self._swapped = data
            return
        self._swapped = b""
        if fault is Fault.GARBAGE:
            data = _GARBAGE + data
        self._send_event(data * 2 + swapped if fault is Fault.EVENT_TWICE else data + swapped)

    def _send_event(self, data: bytes) -> None:
        if self._blocked and self._held is None:
            self._held = []
        self.send(data)

    def _too_slow(self, patience: float) -> bool:
        if self._writer.transport.get_write_buffer_size() < _MOST_UNREAD:
            self._slow_since = 0.0
            return False
        now = self._loop.time()
        self._slow_since = self._slow_since or now
        if now - self._slow_since > patience:
            self.abort()
            return True
        return False

    async def ready(self) -> None:
        """Wait while stalled or mute: nothing is read then either."""
        await self._going.wait()

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """Hold events back until the reply inside has been sent."""
        self._blocked = True
        try:
            yield
        finally:
            self._blocked = False
            held, self._held = self._held, None
            # The reply was sent last and goes first.
            for data in [*held[-1:], *held[:-1]] if held else ():
                self.send(data)

    def stall(self, seconds: float | None = None) -> None:
        """Neither read nor write: for real ``seconds``, or until :meth:`go_on`."""
        self._going.clear()
        if self._held is None:
            self._held = []
        if seconds is not None:
            self._timers.add(self._loop.call_later(seconds, self.go_on))

    def go_on(self) -> None:
        """End a stall: everything held back goes out."""
        self._going.set()
        held, self._held = self._held, None
        for data in held or ():
            self.send(data)

    def mute(self) -> None:
        """Never read or write again, but keep the connection open."""
        self._muted = True
        self._going.clear()

    def abort(self) -> None:
        """Break the connection at once (RST); what is unsent is lost."""
        self._closed = True
        self._writer.transport.abort()

    def close(self) -> None:
        """Stop everything and close in good order."""
        self._closed = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._writer.close()
