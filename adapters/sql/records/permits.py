"""Who may ask, what must not be called, and which answers were given already."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from adapters.sql.mapping import micros
from adapters.sql.records.rows import (
    hold_row,
    key_row,
    read_do_not_call,
    read_hold,
    read_key,
    read_remembered,
    remembered_row,
)
from adapters.sql.records.tables import API_KEY, HOLD, REMEMBERED
from adapters.sql.records.upsert import insert_new
from adapters.sql.tables import DO_NOT_CALL
from gateway.domain.records import ApiKey, DoNotCall, Hold, Remembered

__all__ = [
    "add_key",
    "allow_calls",
    "do_not_call_list",
    "hold",
    "holds",
    "key",
    "keys",
    "recall",
    "release",
    "remember",
    "revoke_key",
]

_KEPT = timedelta(days=1)
_SWEPT = 100

_HOLDS = select(HOLD).order_by(HOLD.c.since, HOLD.c.target)
_KEYS = select(API_KEY).order_by(API_KEY.c.created_at, API_KEY.c.id)
_KEY = select(API_KEY).where(API_KEY.c.id == bindparam("key_id"))
_ANSWER = select(REMEMBERED).where(REMEMBERED.c.key == bindparam("key_"))
_OLD = (
    select(REMEMBERED.c.key)
    .where(REMEMBERED.c.at < bindparam("before"))
    .order_by(REMEMBERED.c.at)
    .limit(_SWEPT)
)
_SWEEP = delete(REMEMBERED).where(REMEMBERED.c.key.in_(_OLD))
_REPLACE = delete(REMEMBERED).where(
    REMEMBERED.c.key == bindparam("key_"), REMEMBERED.c.at < bindparam("before")
)


def holds(connection: Connection) -> list[Hold]:
    return [read_hold(row) for row in connection.execute(_HOLDS)]


def hold(connection: Connection, one: Hold) -> None:
    insert_new(connection, HOLD, hold_row(one))


def release(connection: Connection, target: str) -> Hold | None:
    gone = delete(HOLD).where(HOLD.c.target == target).returning(*HOLD.c)
    row = connection.execute(gone).one_or_none()
    return None if row is None else read_hold(row)


def do_not_call_list(connection: Connection, after: str, limit: int) -> list[DoNotCall]:
    query = select(DO_NOT_CALL).order_by(DO_NOT_CALL.c.number).limit(max(0, limit))
    rows = connection.execute(query.where(DO_NOT_CALL.c.number > after))
    return [read_do_not_call(row) for row in rows]


def allow_calls(connection: Connection, number: str) -> bool:
    gone = delete(DO_NOT_CALL).where(DO_NOT_CALL.c.number == number)
    return connection.execute(gone).rowcount > 0


def keys(connection: Connection) -> list[ApiKey]:
    return [read_key(row) for row in connection.execute(_KEYS)]


def key(connection: Connection, key_id: str) -> ApiKey | None:
    row = connection.execute(_KEY, {"key_id": key_id}).one_or_none()
    return None if row is None else read_key(row)


def add_key(connection: Connection, one: ApiKey) -> None:
    connection.execute(insert(API_KEY), key_row(one))


def revoke_key(connection: Connection, key_id: str, now: datetime) -> bool:
    query = update(API_KEY).where(API_KEY.c.id == key_id, API_KEY.c.revoked_at.is_(None))
    return connection.execute(query.values(revoked_at=micros(now))).rowcount > 0


def recall(connection: Connection, name: str) -> Remembered | None:
    row = connection.execute(_ANSWER, {"key_": name}).one_or_none()
    return None if row is None else read_remembered(row)


def remember(connection: Connection, answer: Remembered) -> None:
    """Keep an answer and let go of a few that are older than a day."""
    before = micros(answer.at - _KEPT)
    connection.execute(_SWEEP, {"before": before})
    connection.execute(_REPLACE, {"key_": answer.key, "before": before})
    insert_new(connection, REMEMBERED, remembered_row(answer))
