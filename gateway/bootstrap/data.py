"""What the commands that move data get; see :class:`gateway.cli.data_root.DataRoot`."""
# ruff: noqa: PLC0415 -- each part is loaded when it is asked for

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from config.settings import Settings
from gateway.bootstrap.rules import build_rules_of
from gateway.cli.data_root import Examiner

__all__ = ["DataParts"]


class DataParts:
    """Builds what reads, writes, saves and restores data."""

    @asynccontextmanager
    async def examiner(self, settings: Settings) -> AsyncIterator[Examiner]:
        """Return what checks and plans requests and keeps none of them."""
        from adapters.memory import MemoryStore
        from gateway.bootstrap.parts import build_intake

        store = MemoryStore()  # stays empty
        await store.open()
        try:
            yield build_intake(settings, build_rules_of(settings), store)
        finally:
            await store.close()
