"""The awaitable result of a submitted change which speaks up when nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import structlog

__all__ = ["Receipt"]

_log = structlog.get_logger(__name__)


class Receipt:
    """Await it to know that the change is durable; a failure never awaited is logged.

    Giving up waiting does not take the change back.
    """

    __slots__ = ("_future", "_heard")

    def __init__(self, future: asyncio.Future[None]) -> None:
        self._future = future
        self._heard = False

    def __await__(self) -> Generator[object, None, None]:
        return self._wait().__await__()

    async def _wait(self) -> None:
        if not self._future.done():
            await asyncio.wait({self._future})
        self._heard = True
        self._future.result()

    def __del__(self) -> None:
        if self._heard:
            return
        if self._future.done():
            _report(self._future)
        else:
            self._future.add_done_callback(_report)


def _report(future: asyncio.Future[None]) -> None:
    error = None if future.cancelled() else future.exception()
    if error is not None:
        _log.error("store.change_lost", error=str(error), kind=type(error).__name__)
