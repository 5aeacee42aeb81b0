"""A clock that stands still until it is moved: for tests and simulations."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

__all__ = ["ManualClock"]

# How often other tasks get a turn before time moves on: more than the longest chain of awaits
# between two sleeps in the application.
_TURNS = 60


class ManualClock:
    """Time moves only through :meth:`advance`; sleepers wake in order of their time."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
        self._seconds = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Return the present instant, UTC."""
        return self._start + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Return the seconds since the clock was made."""
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced by this much."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._seconds + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move time on by this much, waking each sleeper at its own instant."""
        end = self._seconds + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self._seconds = max(self._seconds, at)
            if not future.done():
                future.set_result(None)
            await self.settle()
        self._seconds = end
        await self.settle()

    async def settle(self) -> None:
        """Let everything that can run without time passing run."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)
