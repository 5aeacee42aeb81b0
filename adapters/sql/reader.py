"""A look at the database beside a running gateway: for the command line and for auditors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy import Connection

from adapters.sql import migrate
from adapters.sql.database import Reads
from adapters.sql.records.reading import ReadsRecords
from adapters.sql.urls import reads_of

__all__ = ["SqlReader", "open_reader"]

T = TypeVar("T")


class SqlReader(ReadsRecords):
    """Every question of the store port; never writes, takes no lock, migrates nothing.

    Every method may raise StoreUnavailable.
    """

    def __init__(self, database: Reads) -> None:
        self._database = database

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read(work)


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
