"""The side file of an import: the rows that were not taken, each with what is wrong with it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence

from gateway.cli.columns import ERROR_COLUMN, normal_name
from gateway.cli.csvfile import Row, Source
from gateway.domain.errors import BadInput

__all__ = ["Rejects"]


class Rejects:
    """The side file for rows that were not taken: the same columns and one more, ``error``.

    It is made when the first row comes, with rights for its owner only.
    """

    def __init__(self, source: Source) -> None:
        self.path = source.path.with_name(f"{source.path.stem}.rejected{source.path.suffix}")
        self._source = source
        self._file: io.TextIOBase | None = None
        self._known = {
            i for i, name in enumerate(source.header) if normal_name(name) == ERROR_COLUMN
        }

    @property
    def written(self) -> bool:
        """Whether there was any row."""
        return self._file is not None

    def add(self, row: Row, problem: BadInput) -> None:
        """Write one row down with what is wrong with it."""
        if self._file is None:
            handle = os.open(self.path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            os.fchmod(handle, 0o600)
            self._file = os.fdopen(handle, "w", encoding="utf-8", newline="")
            self._write([*self._kept(self._source.header), ERROR_COLUMN])
        cells = [row.raw] if row.raw else row.cells
        self._write([*self._kept(cells, whole=bool(row.raw)), str(problem)])

    def flush(self) -> None:
        """Have everything so far on disk."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _kept(self, cells: Sequence[str], *, whole: bool = False) -> list[str]:
        """Return the cells without an earlier error; a ``whole`` line is one cell, the first."""
        padded = [*cells, *[""] * (len(self._source.header) - len(cells))]
        if whole:
            return padded[: max(1, len(padded) - len(self._known))]
        return [cell for place, cell in enumerate(padded) if place not in self._known]

    def _write(self, cells: Sequence[str]) -> None:
        assert self._file is not None  # noqa: S101 -- opened by add
        csv.writer(self._file, delimiter=self._source.separator).writerow(cells)
