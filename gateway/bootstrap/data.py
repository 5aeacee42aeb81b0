"""What the commands that move data get; see :class:`gateway.cli.data_root.DataRoot`."""
# ruff: noqa: PLC0415 -- each part is loaded when it is asked for

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from config.settings import Settings
from gateway.app.exporting import EXPORTS, Wanted, veiled
from gateway.bootstrap.rules import build_rules_of
from gateway.cli.backup_root import Restored, Saved
from gateway.cli.data_root import Examiner

__all__ = ["DataParts"]

_SALT: Final = "export.salt"


class DataParts:
    """Builds what reads, writes, saves and restores data."""

    async def export(
        self, settings: Settings, wanted: Wanted, form: str, stream: BinaryIO, *, reveal: bool
    ) -> AsyncIterator[int]:
        """Write a table to a stream; yields how many rows were written so far."""
        from adapters.sql.export import export_pages
        from adapters.tables import writer_of

        columns, salt = EXPORTS[wanted.table], _salt(settings.data_dir)
        writer = writer_of(form, stream, columns)
        written = 0
        async for page in export_pages(settings.database_url.get_secret_value(), wanted):
            writer.rows([veiled(row, columns, salt, reveal=reveal) for row in page])
            written += len(page)
            yield written
        writer.close()
        yield written

    async def backup(self, settings: Settings, target: Path) -> Saved:
        """Copy the database beside a running service."""
        from gateway.bootstrap.saving import save

        return await save(settings, target)

    async def restore(self, settings: Settings, copy: Path, *, unverified: bool) -> Restored:
        """Put a backup in the place of the database, held and with nothing open."""
        from gateway.bootstrap.saving import restore

        return await restore(settings, copy, unverified=unverified)

    async def mark_restored(self, settings: Settings) -> Restored:
        """Make data that another program has put back safe to start with."""
        from gateway.bootstrap.saving import mark

        return await mark(settings)

    @asynccontextmanager
    async def examiner(self, settings: Settings) -> AsyncIterator[Examiner]:
        """Return what checks and plans requests and keeps none of them."""
        from adapters.memory import MemoryStore
        from gateway.bootstrap.parts import build_intake

        store = MemoryStore()  # stays empty
        await store.open()
        try:
            yield build_intake(settings, build_rules_of(settings), store)
        finally:
            await store.close()


def _salt(folder: Path) -> bytes:
    """Return what makes the tokens of this installation its own; made when first needed.

    Raises OSError.
    """
    path = folder / _SALT
    with suppress(FileNotFoundError):
        return path.read_bytes()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = folder / f"{_SALT}.{os.getpid()}"
    try:
        with open(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123 -- a handle
            file.write(secrets.token_bytes(32))
        with suppress(FileExistsError):  # another export was quicker: then it is that one's
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path.read_bytes()
