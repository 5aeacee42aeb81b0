"""What a table looks like to an import, shown before anything is taken in. Nobody is named."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Final

import typer
from rich.table import Table
from rich.text import Text

from gateway.cli.columns import IGNORE
from gateway.cli.console import err, note
from gateway.cli.csvfile import Source
from gateway.domain.model import mask

__all__ = ["agreed", "hidden", "show"]

_ROWS: Final = 5
_LONGEST: Final = 24
_HIDDEN: Final = frozenset({"", "number", "name", "reason", "idempotency_key"})
"""Columns that may say who somebody is."""


def show(source: Source) -> None:
    """Show what each column is read as, with the first rows, masked."""
    table = Table(title=f"{source.path.name}: the columns, and the first rows (masked)")
    table.add_column("column")
    table.add_column("read as")
    samples = [row for row, _ in islice(source.rows(), _ROWS)]
    for row in samples:
        table.add_column(f"row {row.line}", overflow="ellipsis", max_width=_LONGEST)
    for place, (heading, column) in enumerate(zip(source.header, source.columns, strict=True)):
        cells = [row.cells[place] if place < len(row.cells) else "" for row in samples]
        told = " (told)" if place in source.told else ""
        table.add_row(
            heading.strip() or "(empty)",
            Text(f"{column or IGNORE + 'd'}{told}", style="" if column else "dim"),
            *(hidden(column, cell) for cell in cells),
        )
    err().print(table)
    left = [
        name.strip() for name, one in zip(source.header, source.columns, strict=True) if not one
    ]
    if left:
        note(f'Left out: {", ".join(left)}. To use one: --map "{left[0]}=reason"')


def hidden(column: str, cell: str) -> str:
    """Return what of a cell may be shown."""
    text = " ".join(cell.split())
    if not text or column not in _HIDDEN:
        return text[:_LONGEST]
    if column == "number":
        return " | ".join(mask(one.strip()) for one in text.split("|"))
    return f"{text[0]}…"


def agreed() -> bool:
    """Ask whether to go on; where nobody can answer, it is so."""
    return not sys.stdin.isatty() or typer.confirm("Take these rows in?", default=True, err=True)
