"""The awaitable result of a submitted change which speaks up when nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import structlog

__all__ = ["Receipt"]

_log = structlog.get_logger(__name__)


class Receipt(asyncio.Future[None]):
    """Await it to know that the change is durable; a failure never looked at is logged.

    A future itself, for there are several of them a call. Giving up waiting for it does not take
    the change back: the writer writes it all the same.
    """

    _heard = False

    def __await__(self) -> Generator[object, None, None]:
        self._heard = True
        return super().__await__()

    def result(self) -> None:
        self._heard = True
        super().result()

    def exception(self) -> BaseException | None:
        self._heard = True
        return super().exception()

    def __del__(self) -> None:
        if self._heard or not self.done() or self.cancelled():
            return
        error = super().exception()
        if error is not None:
            _log.error("store.change_lost", error=str(error), kind=type(error).__name__)
