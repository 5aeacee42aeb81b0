"""PostgreSQL through asyncpg: one connection that writes, a few that only read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from adapters.sql.database import rollback
from adapters.sql.errors import FOREIGN, Doubtful, Lost, translated

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
            async with asyncio.timeout(_PATIENCE):
                connection = await self._engine.connect()
            try:
                return await _run(connection, work)
            finally:
                await connection.close()

    async def close(self) -> None:
        await _dispose(self._engine)


async def _run(connection: AsyncConnection, work: Callable[[Connection], T]) -> T:
    """Run work; raises TimeoutError where the server falls silent over it.

    Not canceled then but cut off: canceling would have the driver wait for the server once more.
    """
    task = asyncio.ensure_future(connection.run_sync(work))
    try:
        await asyncio.wait({task}, timeout=_PATIENCE)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            _cut(connection)
            await asyncio.wait({task}, timeout=_CONNECT)
            task.cancel()
        if not task.cancelled() and task.done():
            task.exception()


def _cut(connection: AsyncConnection) -> None:
    """End a connection without a word to the server; whoever waits on it hears at once."""
    plain = connection.sync_connection
    with contextlib.suppress(*FOREIGN):
        if plain is not None and not plain.invalidated:
            driver = plain.connection.driver_connection
            if driver is not None:
                driver.terminate()


async def _dispose(engine: AsyncEngine) -> None:
    with contextlib.suppress(*FOREIGN):
        async with asyncio.timeout(_CONNECT):
            await engine.dispose()


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
            return await _run(self._connection, work)
        except TimeoutError:
            raise Doubtful from None

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _cut(connection)
            with contextlib.suppress(*FOREIGN):
                await connection.invalidate()
                await connection.close()

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._reads.read(work)

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*FOREIGN):
                async with asyncio.timeout(_CONNECT):
                    await connection.close()
        await _dispose(self._engine)
        await self._reads.close()
