"""PostgreSQL through asyncpg: one connection that writes, a few that only read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from adapters.sql.database import rollback
from adapters.sql.errors import Doubtful, Lost, translated

__all__ = ["PostgresDatabase", "PostgresReads"]

T = TypeVar("T")

_READERS = 3
# Seconds: to connect; for a statement, told to the server; for a lock; for all of one piece of
# work, should the server fall silent.
_CONNECT = 5.0
_STATEMENT = 10.0
_LOCK = 5.0
_PATIENCE = 20.0
_SESSION = {
    "application_name": "kairos",
    "statement_timeout": f"{_STATEMENT:.0f}s",
    "lock_timeout": f"{_LOCK:.0f}s",
    "idle_in_transaction_session_timeout": f"{_PATIENCE:.0f}s",
    "jit": "off",  # costs more than it saves on statements as short as ours
}
# What was acknowledged must be on disk, whatever the server's own default is.
_WRITING = {**_SESSION, "synchronous_commit": "on"}
# One snapshot for all statements of one reading, so that nothing is seen half done.
_READING = {
    **_SESSION,
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
}


def _connect_args(session: dict[str, str]) -> dict[str, object]:
    return {"timeout": _CONNECT, "server_settings": session}


class PostgresReads:
    """Connections that cannot write."""

    def __init__(self, url: URL) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url,
            connect_args=_connect_args(_READING),
            pool_size=_READERS,
            max_overflow=0,
            pool_timeout=_PATIENCE,
            hide_parameters=True,
        )

    async def open(self) -> None:
        """Check that the server answers. Raises StoreUnavailable."""
        await self.read(lambda connection: connection.exec_driver_sql("SELECT 1").close())

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work in one snapshot of the database. Raises StoreUnavailable."""
        try:
            return await self._read(work)
        except Lost:
            return await self._read(work)  # a pooled connection that died in its sleep

    async def _read(self, work: Callable[[Connection], T]) -> T:
        with translated():
            async with asyncio.timeout(_PATIENCE), self._engine.connect() as connection:
                return await connection.run_sync(work)

    async def close(self) -> None:
        with translated():
            async with asyncio.timeout(_PATIENCE):
                await self._engine.dispose()


class PostgresDatabase:
    """The whole: writer and readers."""

    def __init__(self, url: URL) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url, connect_args=_connect_args(_WRITING), poolclass=NullPool, hide_parameters=True
        )
        self._connection: AsyncConnection | None = None
        self._reads = PostgresReads(url)

    async def open(self) -> None:
        """Connect the writer. Raises StoreUnavailable."""
        await self.write(lambda connection: connection.exec_driver_sql("SELECT 1").close())

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work on the one writing connection; see the protocol."""

        def careful(connection: Connection) -> T:
            try:
                return work(connection)
            except BaseException:
                rollback(connection)
                raise

        try:
            with translated():
                return await self._write(careful)
        except BaseException as error:
            broken = self._connection is not None and self._connection.invalidated
            if broken or isinstance(error, (Lost, Doubtful, asyncio.CancelledError)):
                await self._drop()
            raise

    async def _write(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            async with asyncio.timeout(_PATIENCE):
                self._connection = await self._engine.connect()
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._connection.run_sync(work)
        except TimeoutError:
            raise Doubtful from None

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with translated():
            async with asyncio.timeout(_CONNECT):
                if not connection.invalidated:
                    await connection.invalidate()
                await connection.close()

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._reads.read(work)

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        await self._drop()
        with translated():
            await self._engine.dispose()
        await self._reads.close()
