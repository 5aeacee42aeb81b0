"""Every error of SQLAlchemy, sqlite3 and asyncpg, told in our words; none of them gets out.

What is raised never carries the foreign error along: its text may hold telephone numbers. Three
kinds of StoreUnavailable let the writer tell what may be tried again.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy import exc

from gateway.domain.errors import Conflict, KairosError, StoreUnavailable

__all__ = ["FOREIGN", "Again", "Declined", "Doubtful", "Lost", "translate", "translated"]


class Lost(StoreUnavailable):
    """The connection broke before anything was committed."""


class Again(StoreUnavailable):
    """The database rolled back for its own reasons and asks to try again."""


class Doubtful(StoreUnavailable):
    """The connection broke while committing: it may or may not have been kept."""


class Declined(Exception):
    """A single order came to an error before it wrote anything: its caller's alone."""

    def __init__(self, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.error = error


#: What the drivers and SQLAlchemy raise, and what Python raises below them.
FOREIGN = (
    exc.SQLAlchemyError,
    exc.EmulatedDBAPIException,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    ValueError,
    OverflowError,
)
_GONE = "the connection to the database broke"
_REFUSED = "a constraint of the database stands against it"
_UNFIT = "the database cannot hold a value of it"
_MISFIT = "the database does not fit this version of Kairos"
_FAULT = "the database reports a fault of its own"
_DISK_FULL = "no space is left for the database"
_SLOW = "the database did not answer in time"
_READ_ONLY = "the database takes no changes (is it a standby?)"
_UNEXPECTED = "01 02 03 09 0A 0B 0F 0L 0P 0Z 10 20 24 25 26 2B 2D 2F 34 38 39 3B 3F 42 55 HV P0"

# By SQLSTATE, the whole code before its class.
SQLSTATES: dict[str, tuple[type[KairosError], str]] = {
    **dict.fromkeys(("21", "22", "23", "27", "44", "54"), (Conflict, _REFUSED)),
    "40": (Again, "the database could not serve this beside another change"),
    "40002": (Conflict, _REFUSED),
    "40003": (Doubtful, Doubtful.__doc__ or ""),
    "0A000": (Again, "the database changed meanwhile"),
    "55P03": (StoreUnavailable, "a row stayed locked too long"),
    "57014": (StoreUnavailable, _SLOW),
    "25006": (Lost, _READ_ONLY),
    "08": (Lost, _GONE),
    "57": (Lost, "the database is shutting down or starting"),
    "53": (StoreUnavailable, "the database is short of memory or connections"),
    "53100": (StoreUnavailable, _DISK_FULL),
    "28": (StoreUnavailable, "the database refuses our user or password"),
    "3D": (StoreUnavailable, "there is no database of this name"),
    **dict.fromkeys(("58", "72", "F0", "XX"), (StoreUnavailable, _FAULT)),
    # What a client that fits its database never sees.
    **dict.fromkeys(_UNEXPECTED.split(), (StoreUnavailable, _MISFIT)),
}
# By SQLite's primary result code.
SQLITE_CODES: dict[int, tuple[type[KairosError], str]] = {
    **dict.fromkeys(
        (
            sqlite3.SQLITE_CONSTRAINT,
            sqlite3.SQLITE_TOOBIG,
            sqlite3.SQLITE_MISMATCH,
            sqlite3.SQLITE_RANGE,
        ),
        (Conflict, _REFUSED),
    ),
    **dict.fromkeys(
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
        (StoreUnavailable, "another program holds the database"),
    ),
    sqlite3.SQLITE_FULL: (StoreUnavailable, _DISK_FULL),
    **dict.fromkeys(
        (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH),
        (StoreUnavailable, "the database file cannot be opened"),
    ),
    sqlite3.SQLITE_READONLY: (StoreUnavailable, "the database file cannot be written"),
    **dict.fromkeys(
        (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
        (StoreUnavailable, "the database file is damaged or no database"),
    ),
    sqlite3.SQLITE_IOERR: (StoreUnavailable, "the disk reports an error"),
    sqlite3.SQLITE_NOMEM: (StoreUnavailable, "there is not enough memory"),
    sqlite3.SQLITE_ERROR: (StoreUnavailable, _MISFIT),
    sqlite3.SQLITE_SCHEMA: (Again, "the database changed meanwhile"),
}


def translate(error: BaseException) -> KairosError | None:
    """Return what a foreign error means to us, or None if it is not of the database."""
    if isinstance(error, KairosError):
        return error
    inner = _driver_error(error)
    for kinds, tell in _TELLERS:
        if isinstance(inner, kinds):
            return tell(inner)
    return None


def _driver_error(error: BaseException) -> BaseException:
    """Dig out what the driver itself raised: SQLAlchemy wraps it, for asyncpg twice."""
    while True:
        inner = error.orig if isinstance(error, exc.StatementError) else None
        if inner is None and isinstance(error, exc.EmulatedDBAPIException):
            inner = error.__cause__
        if inner is None:
            return error
        error = inner


def _of_postgres(error: BaseException) -> KairosError:
    code = str(getattr(error, "sqlstate", None) or "")
    kind, text = SQLSTATES.get(code) or SQLSTATES.get(code[:2]) or (StoreUnavailable, _FAULT)
    name = getattr(error, "constraint_name", None)
    return kind(f"{text} ({name})" if name else text)


def _of_sqlite(error: BaseException) -> KairosError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return StoreUnavailable(_FAULT)
    kind, text = SQLITE_CODES.get(code & 0xFF, (StoreUnavailable, _FAULT))
    if kind is Conflict:
        # SQLite names columns and constraints here, never values.
        return Conflict(f"{text} ({error})")
    return kind(text)


def _of_client(error: BaseException) -> KairosError:
    return Conflict(_UNFIT) if isinstance(error, ValueError) else Lost(_GONE)


def _of_system(error: BaseException) -> KairosError:
    if isinstance(error, socket.gaierror):
        return Lost("the database cannot be reached: its host name is not known")
    code = error.errno if isinstance(error, OSError) else None
    why = os.strerror(code).lower() if code and code > 0 else "no connection"
    return Lost(f"the database cannot be reached: {why}")


def _of_sqlalchemy(error: BaseException) -> KairosError:
    gone = isinstance(error, exc.DBAPIError) and error.connection_invalidated
    return Lost(_GONE) if gone else StoreUnavailable(_MISFIT)


_TELLERS: tuple[
    tuple[tuple[type[BaseException], ...], Callable[[BaseException], KairosError]], ...
] = (
    ((asyncpg.PostgresError,), _of_postgres),
    ((sqlite3.Error,), _of_sqlite),
    ((asyncpg.InterfaceError, asyncpg.InternalClientError), _of_client),
    ((TimeoutError, exc.TimeoutError), lambda _: Lost(_SLOW)),
    ((OSError,), _of_system),
    ((ValueError, OverflowError), lambda _: Conflict(_UNFIT)),
    ((exc.SQLAlchemyError, exc.EmulatedDBAPIException), _of_sqlalchemy),
)


@contextmanager
def translated() -> Iterator[None]:
    """Let nothing but our own errors out of the block."""
    try:
        yield
    except FOREIGN as error:
        ours = translate(error)
        if ours is None:
            raise
        raise ours from None
