"""What ``backup`` and ``restore`` ask of the composition root; see :mod:`gateway.cli.root`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from config.settings import Settings

__all__ = ["BackupRoot", "Restored", "Saved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A backup that was made: the copy, what lies beside it, its size in bytes."""

    path: Path
    manifest_path: Path
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Data that were put back, and what waits in them for a person's word.

    ``given_up``: calls that were open at the time of the backup. ``scheduled`` callbacks wait,
    ``due`` of them are due now; ``first`` are ids, the earliest due. ``called_since``: those that
    were called or closed after the backup, by the database that was put aside.
    """

    taken_at: datetime | None
    aside: Path | None
    given_up: int
    scheduled: int = 0
    due: int = 0
    first: tuple[str, ...] = ()
    called_since: tuple[str, ...] = ()


class BackupRoot(Protocol):
    """The part of the composition root that saves and restores data."""

    async def backup(self, settings: Settings, target: Path) -> Saved:
        """Copy the database beside a running service.

        Raises Failure where it is not SQLite's, StoreUnavailable, BadInput.
        """
        ...

    async def restore(self, settings: Settings, copy: Path, *, unverified: bool) -> Restored:
        """Put a backup in the place of the database, held and with nothing open.

        Raises Failure, StoreLocked while a service runs, StoreUnavailable.
        """
        ...

    async def mark_restored(self, settings: Settings) -> Restored:
        """Make data that another program has put back safe to start with."""
        ...
