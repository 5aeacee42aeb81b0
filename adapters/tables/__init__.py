"""Tables as files: CSV, JSON lines, Parquet."""

from adapters.tables.files import FORMATS, Writer, writer_of

__all__ = ["FORMATS", "Writer", "writer_of"]
