"""Writing tables, a page at a time: nothing is gathered, so memory does not grow with the table."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final, Protocol

from gateway.app.exporting import Column, Kind

__all__ = ["FORMATS", "Writer", "harmless", "writer_of"]

FORMATS: Final = ("csv", "jsonl", "parquet")
# What a spreadsheet takes for a formula; a telephone number with its plus is none that does harm.
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
_E164: Final = re.compile(r"\+\d{3,15}( \| \+\d{3,15})*")


class Writer(Protocol):
    """Writes rows to a stream."""

    def rows(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows, values in the order of the columns. Raises OSError."""
        ...

    def close(self) -> None:
        """Write what is left. The stream stays open."""
        ...


def writer_of(form: str, stream: BinaryIO, columns: Sequence[Column]) -> Writer:
    """Return a writer of a format. Raises MissingLibrary for Parquet without pyarrow."""
    if form == "parquet":
        from adapters.tables.parquet import ParquetWriter  # noqa: PLC0415 -- a library by choice

        return ParquetWriter(stream, columns)
    return JsonWriter(stream, columns) if form == "jsonl" else CsvWriter(stream, columns)


def harmless(value: str) -> str:
    """Return text that no spreadsheet takes for a formula: an apostrophe is put before it.

    A number in E.164 keeps its plus and gets none: it can be imported again.
    """
    if not _FORMULA.match(value) or _E164.fullmatch(value):
        return value
    return f"'{value}"


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class CsvWriter:
    """CSV in UTF-8: a heading, commas, times like ``2026-01-31T17:00:00.000Z``."""

    def __init__(self, stream: BinaryIO, columns: Sequence[Column]) -> None:
        self._kinds = [column.kind for column in columns]
        self._text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=False)
        self._csv = csv.writer(self._text, lineterminator="\n")
        self._csv.writerow(column.name for column in columns)

    def rows(self, rows: Sequence[Sequence[Any]]) -> None:
        self._csv.writerows(map(self._cells, rows))
        self._text.flush()

    def _cells(self, row: Sequence[Any]) -> list[Any]:
        return [_cell(kind, value) for kind, value in zip(self._kinds, row, strict=True)]

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


def _cell(kind: Kind, value: Any) -> Any:  # noqa: ANN401 -- as csv takes it
    if value is None:
        return ""
    if kind is Kind.TEXT:
        return harmless(value)
    if kind is Kind.TIME:
        return _instant(value)
    return ("true" if value else "false") if kind is Kind.TRUTH else value


class JsonWriter:
    """One JSON object a line, times as in CSV, what is not known as null."""

    def __init__(self, stream: BinaryIO, columns: Sequence[Column]) -> None:
        self._stream = stream
        self._names = [column.name for column in columns]
        self._encode = json.JSONEncoder(ensure_ascii=False, default=_instant).encode

    def rows(self, rows: Sequence[Sequence[Any]]) -> None:
        lines = (self._encode(dict(zip(self._names, row, strict=True))) + "\n" for row in rows)
        self._stream.write("".join(lines).encode())

    def close(self) -> None:
        self._stream.flush()
