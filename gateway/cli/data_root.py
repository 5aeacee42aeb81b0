"""What the commands that move data ask of the composition root; see :mod:`gateway.cli.root`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import BinaryIO, Protocol

from config.settings import Settings
from gateway.app.exporting import Wanted
from gateway.app.intake import CallbackRequest
from gateway.cli.backup_root import BackupRoot
from gateway.cli.preparing import Job, Verdict
from gateway.domain.change import NewCallback
from gateway.domain.errors import BadInput

__all__ = ["DataRoot", "Examiner", "Loader"]


class Examiner(Protocol):
    """Reads and plans callback requests and keeps nothing."""

    async def prepare(self, requests: Sequence[CallbackRequest]) -> list[NewCallback | BadInput]:
        """Answer each request in its place with what would be kept."""
        ...


class Loader(Protocol):
    """Loads a large table more quickly than row by row."""

    def suits(self, job: Job) -> bool:
        """Whether this is the quicker way for a table."""
        ...

    def verdicts(self, job: Job) -> AsyncIterator[tuple[list[Verdict], int]]:
        """Yield what became of the rows, durable when it is told, and how many bytes are read.

        Raises StoreUnavailable, Failure; what was told stays.
        """
        ...


class DataRoot(BackupRoot, Protocol):
    """The part of the composition root that moves data."""

    def export(
        self, settings: Settings, wanted: Wanted, form: str, stream: BinaryIO, *, reveal: bool
    ) -> AsyncIterator[int]:
        """Write a table to a stream; yields how many rows were written so far.

        Raises StoreUnavailable, OSError, BadInput.
        """
        ...

    def examiner(self, settings: Settings) -> AbstractAsyncContextManager[Examiner]:
        """Return what checks and plans requests and keeps none of them."""
        ...
