"""Writes what happened, in order, and keeps it when the database is away.

What a call did is never lost because the database is down: changes wait here, bounded by the
calls in flight, and are written in the same order when it is back. While anything waits, nothing
new may be dialed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from gateway.domain.change import Change
from gateway.domain.errors import Conflict, StoreUnavailable
from gateway.domain.machine import CallbackState
from gateway.ports import Clock, Store

__all__ = ["Ledger"]

_log = structlog.get_logger()
_RETRY_EVERY = 1.0


@dataclass(slots=True)
class _Entry:
    change: Change
    result: asyncio.Future[None] | None


class Ledger:
    """An ordered, never-forgetting way to the store. Owned by one task: :meth:`run`."""

    def __init__(self, store: Store, clock: Clock, on_edge: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._on_edge = on_edge
        self._entries: deque[_Entry] = deque()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._broken = ""

    @property
    def trouble(self) -> str:
        """Say why nothing may be dialed now; empty while the database takes what it is given."""
        return self._broken

    def write(self, change: Change) -> None:
        """Queue a change; it is on its way to the database when this returns."""
        result = None if self._is_stuck() else _future(self._store.submit(change))
        self._entries.append(_Entry(change, result))
        self._idle.clear()
        self._news.set()

    async def flushed(self) -> None:
        """Wait until everything written so far, and since, is durable."""
        await self._idle.wait()

    async def run(self) -> None:
        """Confirm changes in order until canceled. Cancelable at any await."""
        while True:
            while self._entries:
                await self._confirm(self._entries[0])
                self._entries.popleft()
            self._idle.set()
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
                await asyncio.shield(entry.result)
            except StoreUnavailable as error:
                self._edge(str(error))
                for waiting in self._entries:
                    waiting.result = None
                await self._clock.sleep(_RETRY_EVERY)
            except Conflict as error:
                entry.change = await self._rebased(entry.change, error)
                if entry.change.callback is None:
                    self._edge("")
                    return
                entry.result = None
            else:
                self._edge("")
                return

    async def _rebased(self, change: Change, error: Conflict) -> Change:
        """Put a refused change on top of what the database holds now, or give the row up.

        Two honest reasons exist: the change was committed although we saw a failure, or somebody
        asked for a cancellation meanwhile. Anything else is a defect and is reported.
        """
        wanted = change.callback
        found = await self._store.history(wanted.id) if wanted else None
        if wanted is None or found is None:
            _log.error("ledger.conflict", reason=str(error))
            return replace(change, callback=None)
        held = found.callback
        if held.version == wanted.version and held.state == wanted.state:
            return replace(change, callback=None)
        if held.state is not CallbackState.DIALING or held.attempts != wanted.attempts:
            _log.error("ledger.conflict", reason=str(error), callback_id=wanted.id)
            return replace(change, callback=None)
        cancel = held.cancel_requested or wanted.cancel_requested
        return replace(
            change, callback=replace(wanted, version=held.version + 1, cancel_requested=cancel)
        )

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
    return asyncio.ensure_future(result)
