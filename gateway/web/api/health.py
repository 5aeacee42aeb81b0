"""Whether this process lives, and whether it can do its work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from pydantic import Field

from gateway.domain.errors import StoreError
from gateway.ports import Clock, Store
from gateway.web.api.schema import Out

__all__ = ["Alive", "Readiness", "Ready", "Unready"]

_LOOK_WITHIN: Final = 0.8
_BELIEVED_FOR: Final = 1.0


class Alive(Out):
    """The process lives."""

    status: str = Field("ok", description="Always `ok`.")


class Unready(Out):
    """One reason why work cannot be done."""

    code: str = Field(description="`database`, `writing` or `stopping`.")
    text: str = Field(description="The same in words.")


class Ready(Out):
    """Whether requests can be taken in and answered. Carriers are told by /metrics and the API."""

    ready: bool = Field(description="Whether to send requests here.")
    reasons: list[Unready] = Field(description="Why not; empty if it is ready.")


class Readiness:
    """Looks at most once a second, and never for long. ``is_stopping``: the end has begun."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.is_stopping: Callable[[], bool] = lambda: False
        self._store = store
        self._clock = clock
        self._looked_at = float("-inf")
        self._reached = False
        self._look = asyncio.Lock()

    async def ask(self, trouble: str) -> Ready:
        """Tell how it stands; ``trouble``: what keeps the gateway from writing, empty for none."""
        reasons: list[Unready] = []
        if self.is_stopping():
            reasons.append(Unready(code="stopping", text="the service is stopping"))
        if not await self._reaches():
            reasons.append(Unready(code="database", text="the database does not answer"))
        elif trouble:
            reasons.append(Unready(code="writing", text="the database does not take changes"))
        return Ready(ready=not reasons, reasons=reasons)

    async def _reaches(self) -> bool:
        async with self._look:  # one look for all who ask meanwhile
            now = self._clock.monotonic()
            if now - self._looked_at >= _BELIEVED_FOR:
                self._reached = await self._looked()
                self._looked_at = now
            return self._reached

    async def _looked(self) -> bool:
        try:
            async with asyncio.timeout(_LOOK_WITHIN):
                await self._store.journal_end()
        except (StoreError, TimeoutError):
            return False
        return True
