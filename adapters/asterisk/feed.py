"""A bounded queue of news with one reader, which never loses a word about the link itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from gateway.domain.events import CallEvent, CarrierEvent

__all__ = ["Feed"]


class Feed:
    """Keeps up to ``limit`` call events, and links up and down besides, in order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._events: deque[CarrierEvent] = deque()
        self._calls = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: CarrierEvent) -> bool:
        """Append an event; False when it was dropped because the reader is too slow."""
        if isinstance(event, CallEvent):
            if self._calls >= self._limit:
                self._room.clear()
                return False
            self._calls += 1
        self._events.append(event)
        self._filled.set()
        return True

    async def room(self) -> None:
        """Wait until the reader, after an overflow, has caught up by half."""
        await self._room.wait()

    async def read(self) -> AsyncIterator[CarrierEvent]:
        """Yield events for ever, oldest first; for one reader."""
        while True:
            while not self._events:
                self._filled.clear()
                await self._filled.wait()
            event = self._events.popleft()
            if isinstance(event, CallEvent):
                self._calls -= 1
                if self._calls <= self._limit // 2:
                    self._room.set()
            yield event
