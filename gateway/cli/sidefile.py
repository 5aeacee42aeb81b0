"""Tables that an import writes beside the one it reads; an import that goes on adds to them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

__all__ = ["SideFile"]


class SideFile:
    """A table that is made when its first row comes, with rights for its owner only.

    ``size``: so many bytes of one that is there already are kept, what comes after is written anew.
    """

    def __init__(
        self, path: Path, heading: Sequence[str], *, separator: str = ",", size: int = 0
    ) -> None:
        self.path = path
        self._heading = heading
        self._separator = separator
        self._file: io.TextIOBase | None = None
        if size and path.is_file() and path.stat().st_size >= size:
            os.truncate(path, size)
            self._open(os.O_WRONLY | os.O_APPEND)

    @property
    def written(self) -> bool:
        """Whether there was any row."""
        return self._file is not None

    @property
    def size(self) -> int:
        """How many bytes it has, as far as flushed."""
        return self.path.stat().st_size if self._file is not None else 0

    def add(self, cells: Sequence[object]) -> None:
        """Write one row. Raises OSError."""
        if self._file is None:
            self._open(os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            self._write(self._heading)
        self._write(cells)

    def _open(self, flags: int) -> None:
        handle = os.open(self.path, flags, 0o600)
        os.fchmod(handle, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8", newline="")

    def _write(self, cells: Sequence[object]) -> None:
        assert self._file is not None  # noqa: S101 -- opened before
        csv.writer(self._file, delimiter=self._separator).writerow(cells)

    def flush(self) -> None:
        """Hand everything so far to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
