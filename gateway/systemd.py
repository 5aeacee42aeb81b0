"""Telling the service manager how we stand: ready, reloading, stopping, alive.

A datagram to the socket that NOTIFY_SOCKET names (see sd_notify(3)); without it nothing is told.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

__all__ = ["ServiceManager"]

_BEATS: Final = 3
"""How often within the time the manager allows we tell that we are alive."""
_ENDS_WITHIN: Final = 1.0


class ServiceManager:
    """The service manager that started this process, if one did."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._interval = self._watchdog()

    def ready(self, status: str = "") -> None:
        """Tell that the service is up, or that a reload is over."""
        self._tell("READY=1", *([f"STATUS={status}"] if status else []))

    def stopping(self) -> None:
        """Tell that the service goes down in good order."""
        self._tell("STOPPING=1", "STATUS=open calls may end")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Tell that the configuration is read again while inside."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            self.ready()

    async def stay_alive(self) -> None:
        """Tell regularly that the event loop turns; ends when it is cancelled.

        A loop that hangs is silent, and the manager starts the service again.
        """
        while self._interval is not None:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._interval)

    def _watchdog(self) -> float | None:
        """Return the seconds between two signs of life; None if nobody waits for them."""
        meant_for = os.environ.get("WATCHDOG_PID", "")
        if not self._address or (meant_for and meant_for != str(os.getpid())):
            return None
        with suppress(ValueError):
            allowed = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
            return allowed / _BEATS if allowed > 0 else None
        return None

    def _tell(self, *lines: str) -> None:
        """Send one message; a manager that does not listen is no reason to stop calling."""
        if not self._address.startswith(("/", "@")):
            return
        address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.settimeout(_ENDS_WITHIN)
            out.sendto("\n".join(lines).encode(), address)
