"""The store on SQLite and PostgreSQL: tables, mapping, writer, migrations."""

from adapters.sql.reader import SqlReader, open_reader
from adapters.sql.store import SqlStore

__all__ = ["SqlReader", "SqlStore", "open_reader"]
