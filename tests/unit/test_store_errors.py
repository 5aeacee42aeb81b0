"""No error of a database or its driver is left without a meaning, nor lets a number slip out."""

import errno
import inspect
import socket
import sqlite3

import asyncpg
import pytest
from sqlalchemy import exc

from adapters.sql.errors import (
    SQLITE_CODES,
    SQLSTATES,
    Again,
    Doubtful,
    Lost,
    translate,
    translated,
)
from gateway.domain.errors import BadInput, Conflict, StoreError, StoreUnavailable

POSTGRES_ERRORS = [
    kind
    for kind in vars(asyncpg.exceptions).values()
    if inspect.isclass(kind) and issubclass(kind, asyncpg.PostgresError)
]
SQLITE_NAMES = [
    "ERROR",
    "INTERNAL",
    "PERM",
    "ABORT",
    "BUSY",
    "LOCKED",
    "NOMEM",
    "READONLY",
    "INTERRUPT",
    "IOERR",
    "CORRUPT",
    "NOTFOUND",
    "FULL",
    "CANTOPEN",
    "PROTOCOL",
    "EMPTY",
    "SCHEMA",
    "TOOBIG",
    "CONSTRAINT",
    "MISMATCH",
    "MISUSE",
    "NOLFS",
    "AUTH",
    "FORMAT",
    "RANGE",
    "NOTADB",
]
# A fault of SQLite's own, or of ours in using it: nothing more is to be said about them.
RARE = {
    *("INTERNAL", "ABORT", "INTERRUPT", "NOTFOUND"),
    *("PROTOCOL", "EMPTY", "MISUSE", "NOLFS", "FORMAT"),
}


@pytest.mark.parametrize("kind", POSTGRES_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_postgresql_has_a_meaning(kind: type[asyncpg.PostgresError]) -> None:
    ours = translate(kind("secret +358401234567"))
    assert isinstance(ours, StoreError)
    assert "+358" not in str(ours)
    if kind.sqlstate:
        assert kind.sqlstate in SQLSTATES or kind.sqlstate[:2] in SQLSTATES, (
            f"PostgreSQL's {kind.sqlstate} ({kind.__name__}) is new: say what it means"
        )


@pytest.mark.parametrize(
    "kind",
    [
        one
        for one in vars(asyncpg.exceptions).values()
        if inspect.isclass(one)
        and issubclass(one, (asyncpg.InterfaceError, asyncpg.InternalClientError))
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_error_of_asyncpg_has_a_meaning(kind: type[Exception]) -> None:
    assert isinstance(translate(kind("boom")), StoreError)


@pytest.mark.parametrize("name", SQLITE_NAMES)
def test_every_error_of_sqlite_has_a_meaning(name: str) -> None:
    code = getattr(sqlite3, f"SQLITE_{name}")
    error = sqlite3.OperationalError("boom")
    error.sqlite_errorcode = code | 5 << 8
    assert isinstance(translate(error), StoreError)
    assert (code in SQLITE_CODES) != (name in RARE)


@pytest.mark.parametrize(
    "kind",
    [
        one
        for one in vars(exc).values()
        if inspect.isclass(one)
        and issubclass(one, Exception)
        and not issubclass(one, Warning)
        and one.__module__.startswith("sqlalchemy")
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_error_of_sqlalchemy_has_a_meaning(kind: type[Exception]) -> None:
    error = kind.__new__(kind)
    error.args = ("INSERT ... +358401234567",)
    ours = translate(error)
    assert isinstance(ours, StoreError)
    assert "+358" not in str(ours)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (asyncpg.UniqueViolationError("x"), Conflict, "constraint"),
        (asyncpg.DeadlockDetectedError("x"), Again, "beside another change"),
        (asyncpg.SerializationError("x"), Again, "beside another change"),
        (asyncpg.StatementCompletionUnknownError("x"), Doubtful, "may or may not"),
        (asyncpg.AdminShutdownError("x"), Lost, "shutting down"),
        (asyncpg.ConnectionDoesNotExistError("x"), Lost, "broke"),
        (asyncpg.DiskFullError("x"), StoreUnavailable, "no space"),
        (asyncpg.InvalidPasswordError("x"), StoreUnavailable, "user or password"),
        (asyncpg.InvalidCatalogNameError("x"), StoreUnavailable, "no database of this name"),
        (asyncpg.ReadOnlySQLTransactionError("x"), Lost, "standby"),
        (asyncpg.QueryCanceledError("x"), StoreUnavailable, "in time"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), Lost, "connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "x"), Lost, "host name is not known"),
        (TimeoutError(), Lost, "in time"),
        (OverflowError("x"), Conflict, "cannot hold"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else None,
)
def test_the_meaning_says_what_to_do(error: Exception, kind: type[StoreError], words: str) -> None:
    ours = translate(error)
    assert type(ours) is kind
    assert words in str(ours)


def test_wrapped_errors_are_dug_out() -> None:
    wrapped = exc.IntegrityError("INSERT", {}, asyncpg.UniqueViolationError("x"))
    assert isinstance(translate(wrapped), Conflict)


def test_what_is_ours_or_nobodys_stays_as_it_is() -> None:
    ours = BadInput("number", "is none")
    assert translate(ours) is ours
    assert translate(KeyError("x")) is None
    with pytest.raises(KeyError), translated():
        raise KeyError("x")


def test_the_foreign_error_does_not_come_along() -> None:
    with pytest.raises(Conflict) as caught, translated():
        raise asyncpg.UniqueViolationError("Key (number)=(+358401234567) already exists.")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
