"""INSERT that gives way to a row that is there, spelled for both engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["insert_new", "save"]


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row; one that is there already stays as it is."""
    statement: Insert
    if connection.dialect.name == "postgresql":
        statement = postgresql.insert(table).on_conflict_do_nothing()
    else:
        statement = sqlite.insert(table).on_conflict_do_nothing()
    connection.execute(statement, row)


def save(
    connection: Connection, table: Table, row: Mapping[str, Any], but: Sequence[str] = ()
) -> None:
    """Insert a row by its id, or replace one that is there, ``but`` for these columns."""
    kept = {"id", *but}
    statement: Insert
    if connection.dialect.name == "postgresql":
        pg = postgresql.insert(table)
        changed = {name: pg.excluded[name] for name in row if name not in kept}
        statement = pg.on_conflict_do_update(index_elements=["id"], set_=changed)
    else:
        lite = sqlite.insert(table)
        changed = {name: lite.excluded[name] for name in row if name not in kept}
        statement = lite.on_conflict_do_update(index_elements=["id"], set_=changed)
    connection.execute(statement, row)
