"""What the store needs from an engine: one connection that writes, some that read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from adapters.sql.errors import FOREIGN, Doubtful, Lost, translate

__all__ = ["Database", "Reads", "commit", "rollback"]

T = TypeVar("T")


class Reads(Protocol):
    """Connections that cannot write.

    The work they are handed is plain synchronous code over a connection: so the same statements
    run on SQLite in a thread, with one hop for all of them, and on PostgreSQL through asyncpg.
    """

    async def open(self) -> None:
        """Check that the database can be reached. Raises StoreUnavailable, StoreLocked."""
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work within one snapshot. Only errors of ours come out."""
        ...

    async def close(self) -> None:
        """Let go of every connection. Idempotent."""
        ...


class Database(Reads, Protocol):
    """An engine: readers, and one connection that writes."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work on the one writing connection; the work itself commits, or goes on later.

        Connects again where the connection was lost. Only errors of ours come out.
        """
        ...


def commit(connection: Connection) -> None:
    """Commit; raises Doubtful where the connection breaks over it."""
    try:
        connection.commit()
    except FOREIGN as error:
        ours = translate(error)
        if isinstance(ours, Lost):
            raise Doubtful from None
        rollback(connection)
        raise (ours or error) from None


def rollback(connection: Connection) -> None:
    """Roll back whatever is open; a connection that is gone has rolled back already."""
    try:
        connection.rollback()
    except FOREIGN:
        connection.invalidate()
