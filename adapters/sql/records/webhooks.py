"""Who is told, and every message to them until it was taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from adapters.sql.errors import Declined
from adapters.sql.mapping import micros
from adapters.sql.records.rows import delivery_row, read_delivery, read_webhook, webhook_row
from adapters.sql.records.tables import DELIVERY, WEBHOOK
from adapters.sql.records.upsert import save
from adapters.sql.values import instant_or_none
from gateway.domain.errors import NotFound
from gateway.domain.records import Delivery, Webhook

__all__ = [
    "deliveries",
    "delivery",
    "drop_webhook",
    "due_deliveries",
    "next_delivery_at",
    "put_webhook",
    "queue_deliveries",
    "save_delivery",
    "webhooks",
]

_AFTER_ALL = "\U0010ffff"
_WAITING = text("delivery.next_at IS NOT NULL")
_WEBHOOKS = select(WEBHOOK).order_by(WEBHOOK.c.created_at, WEBHOOK.c.id)
_DUE = (
    select(DELIVERY)
    .where(_WAITING, DELIVERY.c.next_at <= bindparam("now_"))
    .order_by(DELIVERY.c.next_at, DELIVERY.c.id)
    .limit(bindparam("limit_"))
)
_NEXT = select(func.min(DELIVERY.c.next_at)).where(_WAITING)
_ONE = select(DELIVERY).where(DELIVERY.c.id == bindparam("name"))
_LIST = (
    select(DELIVERY)
    .where(DELIVERY.c.webhook_id == bindparam("hook"), DELIVERY.c.id < bindparam("after"))
    .order_by(DELIVERY.c.id.desc())
    .limit(bindparam("limit_"))
)


def webhooks(connection: Connection) -> list[Webhook]:
    return [read_webhook(row) for row in connection.execute(_WEBHOOKS)]


def put_webhook(connection: Connection, webhook: Webhook) -> None:
    save(connection, WEBHOOK, webhook_row(webhook), but=("cursor",))


def drop_webhook(connection: Connection, webhook_id: str) -> bool:
    connection.execute(delete(DELIVERY).where(DELIVERY.c.webhook_id == webhook_id))
    return connection.execute(delete(WEBHOOK).where(WEBHOOK.c.id == webhook_id)).rowcount > 0


def queue_deliveries(
    connection: Connection, webhook_id: str, cursor: int, fresh: Sequence[Delivery]
) -> None:
    """Keep deliveries and move the cursor; raises NotFound where the webhook is gone."""
    moved = update(WEBHOOK).where(WEBHOOK.c.id == webhook_id).values(cursor=cursor)
    if connection.execute(moved).rowcount == 0:
        raise Declined(NotFound(f"there is no webhook {webhook_id}"))
    if fresh:
        connection.execute(insert(DELIVERY), [delivery_row(one) for one in fresh])


def due_deliveries(connection: Connection, now: datetime, limit: int) -> list[Delivery]:
    rows = connection.execute(_DUE, {"now_": micros(now), "limit_": max(0, limit)})
    return [read_delivery(row) for row in rows]


def next_delivery_at(connection: Connection) -> datetime | None:
    return instant_or_none(connection.scalar(_NEXT))


def save_delivery(connection: Connection, delivery: Delivery) -> None:
    """Replace a delivery; one whose webhook was dropped meanwhile is gone and stays so."""
    row = delivery_row(delivery)
    connection.execute(update(DELIVERY).where(DELIVERY.c.id == row.pop("id")).values(row))


def delivery(connection: Connection, delivery_id: str) -> Delivery | None:
    row = connection.execute(_ONE, {"name": delivery_id}).one_or_none()
    return None if row is None else read_delivery(row)


def deliveries(connection: Connection, webhook_id: str, after: str, limit: int) -> list[Delivery]:
    values = {"hook": webhook_id, "after": after or _AFTER_ALL, "limit_": max(0, limit)}
    return [read_delivery(row) for row in connection.execute(_LIST, values)]
