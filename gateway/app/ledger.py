"""Writes what happened, in order, and keeps it when the database is away.

What a call did is never lost because the database is down: changes wait here, bounded by the
calls in flight, and are written in the same order when it is back. While anything waits, nothing
new may be dialed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from gateway.app.outcome import rebased
from gateway.domain.change import Change
from gateway.domain.errors import Conflict, KairosError, StoreUnavailable
from gateway.domain.model import Callback
from gateway.ports import Clock, Store

__all__ = ["Ledger"]

_log = structlog.get_logger()
_RETRY_EVERY = 1.0


@dataclass(slots=True)
class _Entry:
    change: Change
    result: asyncio.Future[None] | None
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Ledger:
    """An ordered, never-forgetting way to the store. Owned by one task: :meth:`run`."""

    def __init__(self, store: Store, clock: Clock, on_edge: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._on_edge = on_edge
        self._entries: deque[_Entry] = deque()
        self._news = asyncio.Event()
        self._broken = ""

    @property
    def trouble(self) -> str:
        """Say why nothing may be dialed now; empty while the database takes what it is given."""
        return self._broken

    def write(self, change: Change) -> None:
        """Queue a change; it is on its way to the database when this returns."""
        result = None if self._is_stuck() else _future(self._store.submit(change))
        self._entries.append(_Entry(change, result))
        self._news.set()

    async def flushed(self) -> None:
        """Wait until everything written so far is durable, however much is written meanwhile."""
        if self._entries:
            await self._entries[-1].over.wait()

    async def run(self) -> None:
        """Confirm changes in order until canceled. Cancelable at any await."""
        while True:
            while self._entries:
                await self._confirm(self._entries[0])
                self._entries.popleft().over.set()
            self._news.clear()
            await self._news.wait()

    def _is_stuck(self) -> bool:
        """Whether a change waits that is not on its way, so that later ones must wait behind it."""
        if not self._entries:
            return False
        first, last = self._entries[0].result, self._entries[-1].result
        return (
            last is None
            or first is None
            or (first.done() and not first.cancelled() and first.exception() is not None)
        )

    async def _confirm(self, entry: _Entry) -> None:
        while True:
            if entry.result is None:
                entry.result = _future(self._store.submit(entry.change))
            try:
                if not entry.result.done():
                    await asyncio.wait({entry.result})
                entry.result.result()
            except StoreUnavailable as error:
                # What was on its way behind it goes again too: in doubt the last word comes last.
                for waiting in self._entries:
                    waiting.result = None
                await self._wait(error)
            except KairosError as error:
                rest = await self._rebased(entry.change, error)
                if rest is None:
                    self._edge("")
                    return
                entry.change, entry.result = rest, None
            else:
                self._edge("")
                return

    async def _wait(self, error: StoreUnavailable) -> None:
        self._edge(str(error))
        await self._clock.sleep(_RETRY_EVERY)

    async def _rebased(self, change: Change, error: KairosError) -> Change | None:
        """Return what is left to write of a refused change; None gives it up, which is a defect."""
        wanted = change.callback
        held = await self._held(wanted) if wanted and isinstance(error, Conflict) else None
        rest = rebased(change, held) if held else None
        callback_id = wanted.id if wanted else None
        if rest is None:
            _log.error("ledger.change_lost", reason=str(error), callback_id=callback_id)
        else:
            _log.warning("ledger.rebased", reason=str(error), callback_id=callback_id)
        return rest

    async def _held(self, wanted: Callback) -> Callback | None:
        while True:
            try:
                found = await self._store.history(wanted.id)
            except StoreUnavailable as error:
                await self._wait(error)
            else:
                return found.callback if found else None

    def _edge(self, trouble: str) -> None:
        if trouble == self._broken:
            return
        if trouble and not self._broken:
            _log.error("database.unavailable", reason=trouble)
        if not trouble:
            _log.info("database.available")
        self._broken = trouble
        self._on_edge()


def _future(result: Awaitable[None]) -> asyncio.Future[None]:
    future = asyncio.ensure_future(result)
    future.add_done_callback(_look_at)
    return future


def _look_at(future: asyncio.Future[None]) -> None:
    """Keep asyncio from complaining about the failure of what is sent again anyway."""
    if not future.cancelled():
        future.exception()
