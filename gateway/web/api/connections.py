"""Who is connected: so many in all, so many from one address, and who makes room for others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

__all__ = ["Connection", "Connections"]


class Connection(Protocol):
    """One connection. ``address``: where it comes from, empty for somebody who is not counted."""

    address: str

    def drop(self) -> None:
        """Close it at once; its end is told as any other."""
        ...


class Connections:
    """Counts connections and keeps those that wait for a request, longest waiting first.

    Where there is no room, whoever has sent nothing for longest makes room: so somebody who opens
    connections and sends nothing keeps nobody else out.
    """

    def __init__(
        self, *, most: int, most_per_address: int, exempt: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._exempt = exempt
        self._open: dict[Connection, None] = {}
        self._waiting: dict[Connection, None] = {}
        self._addresses: Counter[str] = Counter()
        self.refused = 0
        """How many were turned away."""
        self.dropped = 0
        """How many were closed because they kept others waiting, or took too long."""

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Let a new connection in, if there is room or some can be made."""
        address = connection.address
        full_here = not self._exempt(address) and self._addresses[address] >= self._most_per_address
        if full_here or len(self._open) >= self._most:
            loser = self._longest_waiting(address if full_here else None)
            if loser is None:
                self.refused += 1
                return False
            self.dropped += 1
            self.left(loser)
            loser.drop()
        self._open[connection] = None
        self._addresses[address] += 1
        self.waits(connection)
        return True

    def waits(self, connection: Connection) -> None:
        """Note that a connection waits for its next request, from now."""
        if connection in self._open:
            self._waiting.pop(connection, None)
            self._waiting[connection] = None

    def works(self, connection: Connection) -> None:
        """Note that a connection has sent a request."""
        self._waiting.pop(connection, None)

    def left(self, connection: Connection) -> None:
        """Note that a connection is gone; one that was never let in does not matter."""
        self._waiting.pop(connection, None)
        if connection in self._open:
            del self._open[connection]
            self._addresses[connection.address] -= 1
            if not self._addresses[connection.address]:
                del self._addresses[connection.address]

    def _longest_waiting(self, address: str | None) -> Connection | None:
        for connection in self._waiting:
            if address is None or connection.address == address:
                return connection
        return None
