"""The awaitable result of a submitted change which speaks up when nobody listens."""

from __future__ import annotations

from collections.abc import Generator

import structlog

from gateway.domain.errors import StoreError

__all__ = ["Receipt"]

_log = structlog.get_logger(__name__)


class Receipt:
    """Await it to learn whether the change was kept; a failure that is never awaited is logged."""

    __slots__ = ("_error", "_heard")

    def __init__(self, error: StoreError | None) -> None:
        self._error = error
        self._heard = error is None

    def __await__(self) -> Generator[None, None, None]:
        self._heard = True
        yield from ()
        if self._error is not None:
            raise self._error

    def __del__(self) -> None:
        if not self._heard:
            _log.error("store.change_lost", error=str(self._error))
