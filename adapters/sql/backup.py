"""Copies of the data: made beside a running gateway, and told apart once they are put back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

from adapters.sql.errors import translated
from adapters.sql.store import SqlStore
from gateway.domain.errors import BadInput, StoreUnavailable
from gateway.domain.restore import hold_after_restore, settle_after_restore
from gateway.ports import Clock

__all__ = ["backup", "mark_restored", "taken_at"]

_MINUTE = 60


async def backup(database: Path, target: Path, *, now: datetime) -> int:
    """Copy an SQLite database to a new file, whole and of one moment; returns its size in bytes.

    Works beside a running gateway and holds nobody up: SQLite copies one snapshot. The copy is one
    file that only its owner may read, it was checked, and it is there under its name only once it
    is on the disk. Raises BadInput if the target exists, StoreUnavailable if it cannot be made.
    """
    part = target.with_name(f"{target.name}.part")
    return await asyncio.to_thread(_make, database, part, target, now)


def _make(database: Path, part: Path, target: Path, now: datetime) -> int:
    if target.exists():
        raise BadInput("target", "exists already", value=str(target), remedy="name another file")
    if not database.is_file():
        raise StoreUnavailable(f"there is no database file {database}")
    try:
        return _copy(database, part, target, now)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _copy(database: Path, part: Path, target: Path, now: datetime) -> int:
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"{part} cannot be written: {error.strerror}") from None
    with (
        translated(),
        contextlib.closing(_connect(database, "ro")) as source,
        contextlib.closing(_connect(part, "rw")) as copy,
    ):
        source.backup(copy)
        # One file without helpers beside it, which says when it was made.
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute(f"PRAGMA user_version = {int(now.timestamp()) // _MINUTE}")
        [verdict] = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreUnavailable(f"the copy of {database} is damaged, and so is that file: {verdict}")
    with translated():
        _sync(part)
        part.rename(target)
        _sync(target.parent)
        return target.stat().st_size


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=5.0, isolation_level=None)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def taken_at(copy: Path) -> datetime | None:
    """Return the minute a backup was made; None for a file that is none. Blocks for a moment.

    Raises BadInput if it is not there, StoreUnavailable if it is no database at all.
    """
    if not copy.is_file():
        raise BadInput("FILE", "is not there", value=str(copy), remedy="name the backup's file")
    with translated(), contextlib.closing(_connect(copy, "ro")) as plain:
        plain.execute("SELECT count(*) FROM sqlite_master").fetchone()
        [minutes] = plain.execute("PRAGMA user_version").fetchone()
    return datetime.fromtimestamp(minutes * _MINUTE, UTC) if minutes else None


async def mark_restored(
    url: str, *, clock: Clock, taken_at: datetime | None, data_dir: Path | None = None
) -> int:
    """Make restored data safe to start with; returns how many open calls were given up.

    To be called before any gateway uses them: the best moment is before the file is moved to its
    place. Sets a hold on everything and closes every open flight as unresolved, all in one; done
    twice it changes nothing more. Raises StoreLocked, StoreUnavailable, BadInput.
    """
    store = SqlStore(url, data_dir=data_dir, clock=clock)
    await store.open()
    try:
        now = clock.now()
        hold = hold_after_restore(taken_at, now)
        return await store.settle_all(hold, partial(settle_after_restore, now=now))
    finally:
        await store.close()
