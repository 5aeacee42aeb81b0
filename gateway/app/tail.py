"""Follows the journal for everybody who wants to hear what happens, with one reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from gateway.app.waiting import sleep_until_woken, within
from gateway.domain.errors import NotNow, StoreUnavailable
from gateway.domain.records import JournalEntry
from gateway.ports import Clock, Store

__all__ = ["JournalTail"]

_log = structlog.get_logger()
_KEEP: Final = 2000
_PAGE: Final = 500
_AGAIN: Final = 1.0


class JournalTail:
    """The end of the journal, kept in memory. One task: :meth:`run`.

    ``on_news`` is called when there is more. ``followers`` bounds how many may follow at once.
    ``look_every``: seconds; lines of another process on the same database are found by looking.
    ``together``: seconds within which lines are read in one go.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        followers: int = 100,
        look_every: float = 5.0,
        together: float = 0.0,
    ) -> None:
        self.on_news: Callable[[], None] = lambda: None
        self.closed = False
        self._store = store
        self._clock = clock
        self._most_followers = followers
        self._look_every = look_every
        self._together = together
        self._followers = 0
        self._kept: deque[JournalEntry] = deque(maxlen=_KEEP)
        self._begin: int | None = None  # what is kept begins after this place
        self._end = 0
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()

    def poke(self) -> None:
        """Hear that the journal grew."""
        self._wake.set()

    async def run(self) -> None:
        """Follow until canceled; then whoever waits is let go. Cancelable at any await."""
        try:
            while True:
                self._wake.clear()
                wait = self._look_every
                try:
                    if await self._read():
                        continue
                    if self._together:
                        await self._clock.sleep(self._together)
                except StoreUnavailable as error:
                    _log.debug("journal.unavailable", reason=str(error))
                    wait = _AGAIN
                await sleep_until_woken(self._wake, self._clock, wait)
        finally:
            self.close()

    def close(self) -> None:
        """Let everybody go who follows."""
        self.closed = True
        self._moved.set()

    async def end(self) -> int:
        """Return the last place known. Raises StoreUnavailable."""
        return await self._store.journal_end() if self._begin is None else self._end

    async def after(self, place: int, limit: int = 100) -> list[JournalEntry]:
        """Return the journal after a place, in order. Raises StoreUnavailable."""
        if self._begin is None or place < self._begin:
            return await self._store.journal(after=place, limit=limit)
        found: list[JournalEntry] = []
        for entry in reversed(self._kept):
            if entry.id <= place:
                break
            found.append(entry)
        return found[::-1][:limit]

    async def wait(self, place: int, seconds: float) -> None:
        """Wait this long, or until there is something after ``place``, or all is over."""
        moved = self._moved
        if not self.closed and (self._begin is None or self._end <= place):
            await within(self._clock, seconds, moved.wait())

    @contextmanager
    def follow(self) -> Iterator[None]:
        """Count as a follower while inside. Raises NotNow where there are too many."""
        if self.closed:
            raise NotNow("the service is stopping", remedy="connect again in a moment")
        if self._followers >= self._most_followers:
            problem = f"{self._most_followers} streams are open, which is the most there may be"
            raise NotNow(problem, remedy="close one, or use webhooks")
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1

    async def _read(self) -> bool:
        """Read on; tell whether there may be more."""
        if self._begin is None:
            self._end = await self._store.journal_end()
            self._begin = self._end
        found = await self._store.journal(after=self._end, limit=_PAGE)
        if not found:
            return False
        for entry in found:
            if len(self._kept) == _KEEP:
                self._begin = self._kept[0].id
            self._kept.append(entry)
        self._end = found[-1].id
        self._moved.set()
        self._moved = asyncio.Event()
        self.on_news()
        return len(found) == _PAGE
