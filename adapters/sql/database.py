"""What the store needs from an engine: one connection that writes, some that read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection, text

from adapters.sql.errors import FOREIGN, Doubtful, Lost, translate

__all__ = [
    "FLOORS",
    "FLOOR_BITS",
    "Database",
    "Reads",
    "begin",
    "commit",
    "grew",
    "grows",
    "rollback",
]

T = TypeVar("T")

# On PostgreSQL every writing transaction holds an advisory lock that others can see, whose number
# tells the last place in the journal that was drawn before it began (``docs/decisions/0081``).
FLOORS = 524768
FLOOR_BITS = 40
_SHOW_FLOOR = text(
    "SELECT pg_advisory_xact_lock_shared((CAST(:floors AS bigint) << :bits) "
    "| CASE WHEN is_called THEN last_value ELSE last_value - 1 END) FROM step_id_seq"
).bindparams(floors=FLOORS, bits=FLOOR_BITS)
_GREW = "kairos_journal_grew"


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


def begin(connection: Connection) -> None:
    """Begin a writing transaction; on PostgreSQL everyone can tell that it runs."""
    connection.begin()
    connection.info.pop(_GREW, None)
    if connection.dialect.name == "postgresql":
        connection.execute(_SHOW_FLOOR)


def grows(connection: Connection) -> None:
    """Note that this transaction adds to the journal."""
    connection.info[_GREW] = True


def grew(connection: Connection) -> bool:
    """Tell whether what was just committed added to the journal."""
    return bool(connection.info.pop(_GREW, False))


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
