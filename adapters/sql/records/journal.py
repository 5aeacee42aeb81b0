"""The journal as a whole, read by cursor: no entry may appear behind a place already read.

SQLite has one writer, so places appear in order. On PostgreSQL two nodes may commit in another
order than they drew their places; ``docs/decisions/0081`` says how readers are held back.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, select, text

from adapters.sql.database import FLOOR_BITS, FLOORS
from adapters.sql.records.rows import read_entry
from adapters.sql.tables import CALLBACK, STEP
from gateway.domain.records import JournalEntry

__all__ = ["end", "entries", "horizon", "writing"]

_ALL = 2**62
_ENTRIES = (
    select(STEP, CALLBACK.c.queue, CALLBACK.c.contact_id)
    .join(CALLBACK, CALLBACK.c.id == STEP.c.callback_id)
    .where(STEP.c.id > bindparam("after_"), STEP.c.id <= bindparam("until_"))
    .order_by(STEP.c.id)
    .limit(bindparam("limit_"))
)
_END = select(func.max(STEP.c.id)).where(STEP.c.id <= bindparam("until_"))
_DRAWN = text("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM step_id_seq")
_LOCKS = (
    "FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND ((classid::bigint << 32) | objid::bigint) >> :bits = :space"
)
_FLOOR = text(f"SELECT min(((classid::bigint << 32) | objid::bigint) & :mask) {_LOCKS}")
_WRITING = text(f"SELECT virtualtransaction {_LOCKS}")
_SPACE = {"bits": FLOOR_BITS, "space": FLOORS}


def horizon(connection: Connection) -> int:
    """Return the place up to which a snapshot taken from now on will see every entry."""
    if connection.dialect.name != "postgresql":
        return _ALL
    # In this order: who drew a place up to `drawn` holds its lock now, or has ended before.
    drawn: int = connection.execute(_DRAWN).scalar_one()
    values = {**_SPACE, "mask": 2**FLOOR_BITS - 1}
    floor: int | None = connection.execute(_FLOOR, values).scalar_one()
    return drawn if floor is None else min(drawn, floor)


def entries(connection: Connection, after: int, limit: int, until: int) -> list[JournalEntry]:
    """Return what is after a place, up to a horizon."""
    values = {"after_": after, "until_": until, "limit_": max(0, limit)}
    return [read_entry(row) for row in connection.execute(_ENTRIES, values)]


def end(connection: Connection, until: int) -> int:
    """Return the last place up to a horizon; 0 if there is none."""
    return connection.scalar(_END, {"until_": until}) or 0


def writing(connection: Connection) -> frozenset[str]:
    """Name the writing transactions that run now, of every node; on SQLite none can."""
    if connection.dialect.name != "postgresql":
        return frozenset()
    return frozenset(connection.scalars(_WRITING, _SPACE))
