"""Parquet through pyarrow, which is installed only by those who want it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO, Final

from gateway.app.exporting import Column, Kind
from gateway.domain.errors import BadInput

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    raise BadInput(
        "format",
        "Parquet needs the library pyarrow",
        value="parquet",
        remedy="pip install 'kairos-callback[parquet]', or use --format csv",
    ) from None

__all__ = ["ParquetWriter"]

_GROUP: Final = 50_000
_TYPES: Final = {
    Kind.TEXT: pa.string(),
    Kind.WHOLE: pa.int64(),
    Kind.REAL: pa.float64(),
    Kind.TRUTH: pa.bool_(),
    Kind.TIME: pa.timestamp("us", tz="UTC"),
}


class ParquetWriter:
    """Typed columns, times in UTC with microseconds, a row group for every 50,000 rows."""

    def __init__(self, stream: BinaryIO, columns: Sequence[Column]) -> None:
        self._schema = pa.schema([(column.name, _TYPES[column.kind]) for column in columns])
        self._writer = pq.ParquetWriter(stream, self._schema, compression="zstd")
        self._waiting: list[Sequence[Any]] = []

    def rows(self, rows: Sequence[Sequence[Any]]) -> None:
        self._waiting.extend(rows)
        if len(self._waiting) >= _GROUP:
            self._write()

    def _write(self) -> None:
        fields = zip(self._schema, zip(*self._waiting, strict=True), strict=True)
        arrays = [pa.array(values, type=field.type) for field, values in fields]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._waiting.clear()

    def close(self) -> None:
        if self._waiting:
            self._write()
        self._writer.close()
