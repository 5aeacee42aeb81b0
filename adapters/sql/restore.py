"""Putting a backup in the place of a database, so that at every moment one of the two is whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

import structlog

from adapters.sql.errors import translated
from adapters.sql.lock import DirectoryLock
from adapters.sql.mapping import micros
from gateway.domain.errors import StoreUnavailable

__all__ = [
    "Waiting",
    "called_since",
    "carry_over",
    "counts_of",
    "put_in_place",
    "staged",
    "waiting_of",
]

_log = structlog.get_logger(__name__)
_STAGE: Final = ".restoring"
_SHOWN: Final = 20
# What was said since the backup and may not be forgotten: it can only forbid.
_DO_NOT_CALL: Final = (
    "INSERT INTO main.do_not_call (number, reason, since) "
    "SELECT number, reason, since FROM old.do_not_call WHERE true ON CONFLICT DO NOTHING"
)
_REVOKED: Final = (
    "UPDATE main.api_key SET revoked_at = (SELECT o.revoked_at FROM old.api_key AS o "
    "WHERE o.id = api_key.id) WHERE revoked_at IS NULL"
)
_TABLES: Final = ("callback", "attempt", "contact", "interaction", "do_not_call", "step")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a restored database would call as soon as it may. ``first`` are ids, earliest due."""

    scheduled: int
    due: int
    first: tuple[str, ...]


@contextlib.contextmanager
def staged(copy: Path, data_dir: Path) -> Iterator[Path]:
    """Own the data directory and hand out a second copy in it, to be prepared and moved.

    Raises StoreLocked where a gateway runs on this directory, StoreUnavailable.
    """
    lock = DirectoryLock(data_dir)
    lock.take()
    stage = data_dir / _STAGE
    try:
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(mode=0o700)
        database = stage / copy.name
        with _private(database) as target, copy.open("rb") as source:
            shutil.copyfileobj(source, target, 1 << 20)
        yield database
    except OSError as error:
        raise StoreUnavailable(f"{data_dir} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        lock.release()


@contextlib.contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def carry_over(prepared: Path, database: Path) -> None:
    """Bring into a prepared database who may not be called and which keys were revoked by now.

    An old database that cannot be read tells nothing; that is logged.
    """
    if not database.exists():
        return
    try:
        if not _in_one_file(database):
            raise sqlite3.DatabaseError("in use or damaged")
        with contextlib.closing(_open(prepared)) as new:
            new.execute("ATTACH ? AS old", (f"file:{quote(str(database.absolute()))}?mode=ro",))
            new.execute("BEGIN IMMEDIATE")
            new.execute(_DO_NOT_CALL)
            new.execute(_REVOKED)
            new.execute("COMMIT")
    except sqlite3.Error as error:
        _log.warning("restore.not_carried_over", reason=str(error))


def put_in_place(prepared: Path, database: Path, now: datetime) -> Path | None:
    """Move a prepared database to its place; returns where the old one is kept, if there was one.

    The old one is first brought into one file, its log included, and linked aside; then the new
    one takes its name in one step. Raises StoreUnavailable where the old one cannot be read: it
    is moved aside as it is then, with its log.
    """
    with translated(), contextlib.closing(_open(prepared)) as one:
        one.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        one.execute("PRAGMA journal_mode = DELETE")
    aside = None
    if database.exists():
        aside = database.with_name(f"{database.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
        if _in_one_file(database):
            os.link(database, aside)
        else:
            for end in ("-wal", "-shm", ""):
                part = database.with_name(database.name + end)
                if part.exists():
                    part.rename(aside.with_name(aside.name + end))
    prepared.replace(database)
    folder = os.open(database.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return aside


def _in_one_file(database: Path) -> bool:
    try:
        with contextlib.closing(_open(database)) as old:
            busy, *_ = old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            old.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error:
        return False
    return not busy and not database.with_name(f"{database.name}-wal").exists()


def _open(path: Path, mode: str = "rw") -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=5.0, isolation_level=None)


def counts_of(database: Path) -> dict[str, int]:
    """Count the rows of each table, for a manifest. Raises StoreUnavailable."""
    with translated(), contextlib.closing(_open(database, "ro")) as copy:
        known = {row[0] for row in copy.execute("SELECT name FROM sqlite_master")}
        return {
            table: int(copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 -- names of ours
            for table in _TABLES
            if table in known
        }


def waiting_of(database: Path, now: datetime) -> Waiting:
    """Return what waits to be called. Raises StoreUnavailable."""
    with translated(), contextlib.closing(_open(database, "ro")) as copy:
        at = micros(now)
        [scheduled] = copy.execute(
            "SELECT count(*) FROM callback WHERE state = 'SCHEDULED'"
        ).fetchone()
        [due] = copy.execute(
            "SELECT count(*) FROM callback WHERE state = 'SCHEDULED' AND due_at <= ?", (at,)
        ).fetchone()
        first = copy.execute(
            "SELECT id FROM callback WHERE state = 'SCHEDULED' ORDER BY due_at, id LIMIT ?",
            (_SHOWN,),
        ).fetchall()
    return Waiting(scheduled=scheduled, due=due, first=tuple(row[0] for row in first))


def called_since(restored: Path, aside: Path) -> list[str]:
    """Return callbacks that wait in the restored database and were called or closed since.

    In the old database they are closed, or have an attempt that the restored one does not know. An
    old database that cannot be read tells nothing.
    """
    try:
        with contextlib.closing(_open(restored, "ro")) as new:
            new.execute("ATTACH ? AS old", (f"file:{quote(str(aside.absolute()))}?mode=ro",))
            rows = new.execute(
                "SELECT c.id FROM main.callback AS c JOIN old.callback AS o ON o.id = c.id "
                "WHERE c.state = 'SCHEDULED' AND (o.state NOT IN ('SCHEDULED', 'DIALING') "
                "OR EXISTS (SELECT 1 FROM old.attempt AS a WHERE a.callback_id = c.id "
                "AND a.id NOT IN (SELECT id FROM main.attempt))) ORDER BY c.id"
            ).fetchall()
    except sqlite3.Error:
        return []
    return [row[0] for row in rows]
