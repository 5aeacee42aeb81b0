"""From the address in the configuration to an engine."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from adapters.sql.database import Database, Reads
from adapters.sql.postgres import PostgresDatabase, PostgresReads
from adapters.sql.sqlite import SqliteDatabase, SqliteReads
from gateway.domain.errors import BadInput

__all__ = ["database_of", "reads_of"]

_REMEDY = "write sqlite:///path/to/file or postgresql://user:password@host/name"


def database_of(url: str, data_dir: Path | None) -> Database:
    """Return the engine that writes; raises BadInput for an address that says no such thing."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        return PostgresDatabase(parsed)
    path = _path(parsed)
    return SqliteDatabase(path, data_dir or path.parent)


def reads_of(url: str) -> Reads:
    """Return what only reads, beside a running gateway; raises BadInput like the above."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        return PostgresReads(parsed)
    return SqliteReads(_path(parsed))


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadInput("database", "is not an address", remedy=_REMEDY) from None
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise BadInput("database", "is neither SQLite nor PostgreSQL", remedy=_REMEDY)
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+asyncpg")
    return parsed


def _path(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise BadInput("database", "names no file", remedy=_REMEDY)
    return Path(url.database).absolute()
