"""SQLite: one writing connection in a thread of its own, a few that only read.

WAL with synchronous FULL: what was committed survives a power cut (``reliability``: NORMAL may
lose the last commits). One writer, for SQLite has no more, and because versions before 3.51.3 can
damage a WAL that two connections write or checkpoint at once.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from adapters.sql.database import rollback
from adapters.sql.errors import translated
from adapters.sql.lock import DirectoryLock
from gateway.domain.errors import StoreUnavailable

__all__ = ["SqliteDatabase", "SqliteReads"]

T = TypeVar("T")
_log = structlog.get_logger(__name__)

_NEEDED = (3, 35, 0)
_WAL_RESET_FIXED = (3, 51, 3)
_READERS = 2
# Seconds after which a disk counts as stuck, and for which SQLite itself waits for a lock.
_PATIENCE = 30.0
_LOCK_WAIT = 5.0
_SLOW = "the disk did not answer in time"
_WRITING = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -16384",
)
_READING = ("PRAGMA query_only = ON",)


def _engine(path: Path, mode: str, pragmas: tuple[str, ...], begin: str, size: int) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}",
            uri=True,
            timeout=_LOCK_WAIT,
            isolation_level=None,  # transactions are begun and ended by us alone
            check_same_thread=False,  # the pool may close it in another thread than its user's
        )
        for pragma in pragmas:
            connection.execute(pragma).close()
        return connection

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=size, hide_parameters=True
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


class SqliteReads:
    """Connections that cannot write; they work beside a writer of this or another process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(_READERS, "kairos-sqlite-read")
        self._engine = _engine(path, "ro", _READING, "BEGIN", _READERS)

    async def open(self) -> None:
        """Check that the file is there. Raises StoreUnavailable."""
        if not self._path.is_file():
            raise StoreUnavailable(f"there is no database file {self._path}")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work in one snapshot of the database. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE):
                return await loop.run_in_executor(self._threads, self._read, work)
        except TimeoutError:
            raise StoreUnavailable(_SLOW) from None

    def _read(self, work: Callable[[Connection], T]) -> T:
        with translated(), self._engine.connect() as connection:
            return work(connection)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()


class SqliteDatabase:
    """The whole: lock, writer, readers. Usable once."""

    def __init__(self, path: Path, data_dir: Path) -> None:
        self._path = path
        self._lock = DirectoryLock(data_dir)
        self._thread = ThreadPoolExecutor(1, "kairos-sqlite-write")
        self._engine = _engine(path, "rw", _WRITING, "BEGIN IMMEDIATE", 1)
        self._connection: Connection | None = None
        self._running: asyncio.Future[Any] | None = None
        self._reads = SqliteReads(path)

    async def open(self) -> None:
        """Lock the data directory, make the file where needed. Raises as the port says."""
        if sqlite3.sqlite_version_info < _NEEDED:
            raise StoreUnavailable(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 is needed")
        if sqlite3.sqlite_version_info < _WAL_RESET_FIXED:
            _log.warning(
                "store.sqlite_old",
                version=sqlite3.sqlite_version,
                fixed_in="3.51.3",
                advice="let no other program write to the database file",
            )
        self._lock.take()
        try:
            await self._in_thread(self._make_file)
        except BaseException:
            await self.close()
            raise

    def _make_file(self) -> None:
        """Only the owner may read the numbers of people; SQLite's side files do as this one."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._path.chmod(0o600)
        except OSError as error:
            raise StoreUnavailable(
                f"the database file {self._path} cannot be used: {error.strerror}"
            ) from None

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work on the one writing connection; see the protocol."""
        return await self._in_thread(lambda: self._write(work))

    def _write(self, work: Callable[[Connection], T]) -> T:
        with translated():
            if self._connection is None:
                self._connection = self._engine.connect()
            try:
                return work(self._connection)
            except BaseException:
                rollback(self._connection)
                raise

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._running is not None:
            await self._wait(self._running)  # a disk that hung earlier
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._running = future
        await self._wait(future)
        self._running = None
        return future.result()

    @staticmethod
    async def _wait(running: asyncio.Future[Any]) -> None:
        # Not wait_for: a thread cannot be canceled, and what it does must not overlap.
        done, _ = await asyncio.wait({running}, timeout=_PATIENCE)
        if not done:
            raise StoreUnavailable(_SLOW)
        running.exception()

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._reads.read(work)

    async def close(self) -> None:
        """Close every connection, then let go of the lock. Idempotent."""
        await self._reads.close()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._in_thread(connection.close)
            await self._in_thread(self._engine.dispose)
        self._thread.shutdown(wait=False)
        self._lock.release()
