"""The side file of an import: the rows that were not taken, each with what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.cli.columns import ERROR_COLUMN, normal_name
from gateway.cli.csvfile import Row, Source
from gateway.cli.sidefile import SideFile
from gateway.domain.errors import BadInput

__all__ = ["Rejects"]


class Rejects(SideFile):
    """The side file for rows that were not taken: the same columns and one more, ``error``."""

    def __init__(self, source: Source, *, size: int = 0) -> None:
        self._width = len(source.header)
        self._known = {
            i for i, name in enumerate(source.header) if normal_name(name) == ERROR_COLUMN
        }
        super().__init__(
            source.path.with_name(f"{source.path.stem}.rejected{source.path.suffix}"),
            [*self._kept(source.header), ERROR_COLUMN],
            separator=source.separator,
            size=size,
        )

    def reject(self, row: Row, problem: BadInput) -> None:
        """Write one row down with what is wrong with it. Raises OSError."""
        cells = [row.raw] if row.raw else row.cells
        self.add([*self._kept(cells, whole=bool(row.raw)), str(problem)])

    def _kept(self, cells: Sequence[str], *, whole: bool = False) -> list[str]:
        """Return the cells without an earlier error; a ``whole`` line is one cell, the first."""
        padded = [*cells, *[""] * (self._width - len(cells))]
        if whole:
            return padded[: max(1, len(padded) - len(self._known))]
        return [cell for place, cell in enumerate(padded) if place not in self._known]
