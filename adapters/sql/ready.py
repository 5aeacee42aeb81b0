"""Statements compiled once and run by the driver's own cursor, for the path every call takes.

They are declared with SQLAlchemy Core like all others, so that both engines get theirs from one
spelling. What is skipped is its machinery around each run, which for statements as small as these
cost more than twice what the database does (``docs/decisions/0023``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Dialect, Insert, Select, Update

__all__ = ["Ready"]


@dataclass(frozen=True, slots=True)
class _Compiled:
    text: str
    names: Sequence[str]
    pick: Callable[[Mapping[str, Any]], Any]
    constants: Mapping[str, Any]
    has_arrays: bool

    def parameters(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        if self.constants:
            values = {**self.constants, **values}
        picked = self.pick(values)
        return (picked,) if len(self.names) == 1 else picked

    def keys(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Hand ``keys`` over as :func:`adapters.sql.among.among` expects them."""
        keys = list(values["keys"])
        return {**values, "keys": keys if self.has_arrays else json.dumps(keys)}


def _nothing(_values: Mapping[str, Any]) -> tuple[Any, ...]:
    return ()


class Ready:
    """A statement whose parameters go by name. A transaction must have been begun.

    Driver errors come out as they are; callers run inside ``translated()``.
    """

    def __init__(
        self,
        statement: Insert | Select[Any] | CompoundSelect[Any, Any] | Update,
        columns: Sequence[str] = (),
    ) -> None:
        """``columns`` are those that an INSERT fills."""
        self.statement = statement
        self._columns = list(columns) or None
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """Run it over the list ``keys`` among ``values``; return its rows."""
        compiled = self._for(connection.dialect)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(compiled.text, compiled.parameters(compiled.keys(values)))
            return cursor.fetchall() if cursor.description else ()
        finally:
            cursor.close()

    def each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of the rows, in their order."""
        compiled = self._for(connection.dialect)
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(compiled.text, [compiled.parameters(row) for row in rows])
        finally:
            cursor.close()

    def tuples(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run it for each of the rows, their values in the order of the columns it was given."""
        compiled = self._for(connection.dialect)
        assert list(compiled.names) == self._columns  # noqa: S101 -- both are the table's order
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(compiled.text, rows)
        finally:
            cursor.close()

    def _for(self, dialect: Dialect) -> _Compiled:
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled = self.statement.compile(dialect=dialect, column_keys=self._columns)
            constants = {name: one for name, one in compiled.params.items() if one is not None}
            names = getattr(compiled, "positiontup", None) or ()
            pick = itemgetter(*names) if names else _nothing
            arrays = dialect.name == "postgresql"
            found = _Compiled(str(compiled), names, pick, constants, arrays)
            self._compiled[dialect.name] = found
        return found
