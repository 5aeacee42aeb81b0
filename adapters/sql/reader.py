"""A look at the database beside a running gateway: for the command line and for auditors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

from adapters.sql import migrate, reads
from adapters.sql.audit import audit
from adapters.sql.database import Reads
from adapters.sql.urls import reads_of
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact, Flight
from gateway.ports import History, Violation

__all__ = ["SqlReader", "open_reader"]


class SqlReader:
    """Reads and never writes, takes no lock, migrates nothing.

    Every method may raise StoreUnavailable.
    """

    def __init__(self, database: Reads) -> None:
        self._database = database

    async def history(self, callback_id: str) -> History | None:
        """Return the whole way of one callback, by its id or a unique prefix; else BadInput."""
        return await self._database.read(partial(reads.history, callback_id=callback_id))

    async def callbacks(
        self,
        *,
        states: Sequence[CallbackState] = (),
        queue: str | None = None,
        after: str = "",
        limit: int = 50,
    ) -> list[tuple[Callback, Contact]]:
        """List callbacks by id, newest first, ``after`` an id (keyset cursor)."""
        listed = partial(
            reads.callbacks, states=tuple(states), queue=queue, after=after, limit=limit
        )
        return await self._database.read(listed)

    async def counts(self) -> dict[str, int]:
        """Count callbacks by state."""
        return await self._database.read(reads.counts)

    async def open_flights(self, node: str | None = None) -> list[Flight]:
        """Return every flight with an open attempt (of one node)."""
        return await self._database.read(partial(reads.open_flights, node=node))

    async def audit(self, now: datetime) -> list[Violation]:
        """Check the invariants over all rows."""
        return await self._database.read(partial(audit, now=now))


@asynccontextmanager
async def open_reader(url: str) -> AsyncIterator[SqlReader]:
    """Open a reader for the time of the block.

    Raises BadInput for an unusable address, StoreUnavailable if there is no database or if its
    schema is that of another version.
    """
    database = reads_of(url)
    try:
        await database.open()
        await database.read(migrate.check)
        yield SqlReader(database)
    finally:
        await database.close()
