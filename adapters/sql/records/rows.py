"""Rows of the other tables, there and back."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row

from adapters.sql.mapping import Values, micros, micros_or_none, storable
from adapters.sql.values import instant, instant_or_none, read_step
from gateway.domain.records import (
    ApiKey,
    Delivery,
    DoNotCall,
    Hold,
    Interaction,
    InteractionKind,
    JournalEntry,
    Remembered,
    Scope,
    Webhook,
)

__all__ = [
    "delivery_row",
    "hold_row",
    "interaction_row",
    "key_row",
    "read_delivery",
    "read_do_not_call",
    "read_entry",
    "read_hold",
    "read_interaction",
    "read_key",
    "read_remembered",
    "read_webhook",
    "remembered_row",
    "webhook_row",
]

_json = json.JSONEncoder(separators=(",", ":"), default=str).encode


def key_row(key: ApiKey) -> Values:
    return storable(
        {
            "id": key.id,
            "name": key.name,
            "digest": key.digest,
            "scope": key.scope.value,
            "created_at": micros(key.created_at),
            "expires_at": micros_or_none(key.expires_at),
            "revoked_at": micros_or_none(key.revoked_at),
        }
    )


def read_key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        digest=row.digest,
        scope=Scope(row.scope),
        created_at=instant(row.created_at),
        expires_at=instant_or_none(row.expires_at),
        revoked_at=instant_or_none(row.revoked_at),
    )


def hold_row(hold: Hold) -> Values:
    return storable(
        {
            "target": hold.target,
            "reason": hold.reason,
            "set_by": hold.by,
            "since": micros(hold.since),
        }
    )


def read_hold(row: Row[Any]) -> Hold:
    return Hold(target=row.target, reason=row.reason, by=row.set_by, since=instant(row.since))


def read_do_not_call(row: Row[Any]) -> DoNotCall:
    return DoNotCall(number=row.number, reason=row.reason, since=instant(row.since))


def remembered_row(answer: Remembered) -> Values:
    return storable(
        {
            "key": answer.key,
            "fingerprint": answer.fingerprint,
            "status": answer.status,
            "body": answer.body,
            "at": micros(answer.at),
        }
    )


def read_remembered(row: Row[Any]) -> Remembered:
    return Remembered(
        key=row.key,
        fingerprint=row.fingerprint,
        status=row.status,
        body=row.body,
        at=instant(row.at),
    )


def interaction_row(interaction: Interaction) -> Values:
    return storable(
        {
            "source": interaction.source,
            "id": interaction.id,
            "kind": interaction.kind.value,
            "at": micros(interaction.at),
            "number": interaction.number,
            "contact_id": interaction.contact_id,
            "answered": interaction.answered,
            "data": _json(interaction.data),
        }
    )


def read_interaction(row: Row[Any]) -> Interaction:
    return Interaction(
        id=row.id,
        source=row.source,
        kind=InteractionKind(row.kind),
        at=instant(row.at),
        number=row.number,
        contact_id=row.contact_id,
        answered=bool(row.answered),
        data=json.loads(row.data),
    )


def read_entry(row: Row[Any]) -> JournalEntry:
    return JournalEntry(id=row.id, step=read_step(row), queue=row.queue, contact_id=row.contact_id)


def webhook_row(webhook: Webhook) -> Values:
    return storable(
        {
            "id": webhook.id,
            "url": webhook.url,
            "secret": webhook.secret,
            "events": _json(webhook.events),
            "description": webhook.description,
            "created_at": micros(webhook.created_at),
            "cursor": webhook.cursor,
            "disabled": webhook.disabled,
        }
    )


def read_webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        secret=row.secret,
        events=tuple(json.loads(row.events)),
        description=row.description,
        created_at=instant(row.created_at),
        cursor=row.cursor,
        disabled=row.disabled,
    )


def delivery_row(delivery: Delivery) -> Values:
    return storable(
        {
            "id": delivery.id,
            "webhook_id": delivery.webhook_id,
            "entry_id": delivery.entry_id,
            "type": delivery.type,
            "body": delivery.body,
            "created_at": micros(delivery.created_at),
            "tries": delivery.tries,
            "next_at": micros_or_none(delivery.next_at),
            "delivered_at": micros_or_none(delivery.delivered_at),
            "status": delivery.status,
            "error": delivery.error,
        }
    )


def read_delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        webhook_id=row.webhook_id,
        entry_id=row.entry_id,
        type=row.type,
        body=row.body,
        created_at=instant(row.created_at),
        tries=row.tries,
        next_at=instant_or_none(row.next_at),
        delivered_at=instant_or_none(row.delivered_at),
        status=row.status,
        error=row.error,
    )
