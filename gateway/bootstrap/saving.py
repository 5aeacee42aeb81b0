"""Backups with their manifest, and putting them back; see :mod:`gateway.cli.backup_root`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.sql.backup import backup as copy_database
from adapters.sql.backup import mark_restored, taken_at
from adapters.sql.restore import (
    called_since,
    carry_over,
    counts_of,
    put_in_place,
    staged,
    waiting_of,
)
from adapters.system import SystemClock
from config.settings import Settings
from gateway.cli.backup_root import Restored, Saved
from gateway.cli.bookmark import forget_all
from gateway.domain.errors import StoreLocked
from gateway.lifecycle import ExitCode, Failure
from gateway.ports import Clock
from gateway.web.client import running_service

__all__ = ["mark", "restore", "save"]

_CHUNK: Final = 1 << 20
_POSTGRES: Final = "postgresql"
_ABOUT: Final = "kairos-backup"


async def save(settings: Settings, target: Path) -> Saved:
    """Copy the database and write a manifest beside the copy."""
    database = _database(settings)
    if database is None:
        raise Failure(
            "The data are in PostgreSQL, which makes its own backups.",
            f"pg_dump --format=custom --file={target} {_address(settings)}\n"
            f"To put it back: pg_restore --clean --if-exists --dbname={_address(settings)} {target}"
            "\nand then, before any service starts: kairos restore --mark-only",
        )
    now = datetime.now(UTC)
    size = await copy_database(database, target, now=now)
    digest, counts = await asyncio.to_thread(lambda: (_digest(target), counts_of(target)))
    manifest = {
        "format": _ABOUT,
        "version": _version(),
        "made_at": now.isoformat(timespec="seconds"),
        "size": size,
        "sha256": digest,
        "rows": counts,
    }
    beside = _manifest_of(target)
    _write(beside, json.dumps(manifest, indent=2) + "\n")
    return Saved(path=target, manifest_path=beside, manifest=manifest)


async def restore(
    settings: Settings, copy: Path, *, unverified: bool, clock: Clock | None = None
) -> Restored:
    """Put a backup in the place of the database."""
    clock = clock or SystemClock()
    database = _database(settings)
    if database is None:
        raise Failure(
            "The data are in PostgreSQL, which puts its own backups back.",
            f"pg_restore --clean --if-exists --dbname={_address(settings)} {copy}\n"
            "and then, before any service starts: kairos restore --mark-only",
        )
    await _nobody_serves(settings)
    at = await asyncio.to_thread(taken_at, copy)
    if not unverified:
        await asyncio.to_thread(_verify, copy)
    with staged(copy, settings.data_dir) as prepared:
        url = f"sqlite:///{prepared}"
        given_up = await mark_restored(url, clock=clock, taken_at=at, data_dir=prepared.parent)
        now = clock.now()
        waiting = await asyncio.to_thread(waiting_of, prepared, now)
        await asyncio.to_thread(carry_over, prepared, database)
        forget_all(settings.data_dir)
        aside = await asyncio.to_thread(put_in_place, prepared, database, now)
    since = called_since(database, aside) if aside is not None else []
    return Restored(
        taken_at=at,
        aside=aside,
        given_up=given_up,
        scheduled=waiting.scheduled,
        due=waiting.due,
        first=waiting.first,
        called_since=tuple(since),
    )


async def mark(settings: Settings) -> Restored:
    """Make data that another program has put back safe to start with."""
    await _nobody_serves(settings)
    url = settings.database_url.get_secret_value()
    clock = SystemClock()
    forget_all(settings.data_dir)
    given_up = await mark_restored(url, clock=clock, taken_at=None, data_dir=settings.data_dir)
    database = _database(settings)
    if database is None:
        return Restored(taken_at=None, aside=None, given_up=given_up)
    waiting = await asyncio.to_thread(waiting_of, database, clock.now())
    return Restored(
        taken_at=None,
        aside=None,
        given_up=given_up,
        scheduled=waiting.scheduled,
        due=waiting.due,
        first=waiting.first,
    )


async def _nobody_serves(settings: Settings) -> None:
    async with running_service(settings.data_dir) as client:
        if client is not None:
            raise StoreLocked(f"a service runs on {settings.data_dir}")


def _database(settings: Settings) -> Path | None:
    """Return the file of an SQLite database, None for PostgreSQL."""
    url = settings.database_url.get_secret_value()
    return None if url.startswith(_POSTGRES) else Path(url.removeprefix("sqlite:///")).absolute()


def _address(settings: Settings) -> str:
    """Return the address without its password, for a command line."""
    parts = urlsplit(settings.database_url.get_secret_value())
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{user}{parts.hostname or ''}{port}{parts.path}"


def _manifest_of(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.manifest.json")


def _verify(copy: Path) -> None:
    """Raise Failure where a backup is not what its manifest says."""
    path = _manifest_of(copy)
    hint = "If you are sure of it: --unverified"
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
        wanted = manifest["sha256"] if manifest["format"] == _ABOUT else None
    except FileNotFoundError:
        raise Failure(f"There is no manifest {path} beside the backup.", hint) from None
    except (OSError, ValueError, KeyError, TypeError):
        wanted = None
    if wanted is None:
        raise Failure(f"The manifest {path} cannot be read.", hint)
    if _digest(copy) != wanted:
        raise Failure(
            f"{copy} is not the file its manifest speaks of: it was changed or is damaged.",
            "Take another backup.",
            ExitCode.DATABASE,
        )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _version() -> str:
    try:
        return version("kairos-callback")
    except PackageNotFoundError:
        return "unknown"
