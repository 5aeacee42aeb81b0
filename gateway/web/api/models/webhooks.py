"""Webhooks and their deliveries as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field

from gateway.domain.records import Delivery
from gateway.domain.records import Webhook as Record
from gateway.domain.signing import newest
from gateway.web.api.models.values import Moment, Text
from gateway.web.api.schema import In, Out, Page, PageQuery

__all__ = [
    "DeliveryOut",
    "DeliveryPage",
    "DeliveryQuery",
    "EventType",
    "EventTypeList",
    "MadeWebhook",
    "NewWebhook",
    "Replay",
    "Replayed",
    "StreamQuery",
    "Webhook",
    "WebhookChange",
    "WebhookList",
]

Url = Annotated[
    str, Field(min_length=1, max_length=2000, examples=["https://crm.example/hooks/kairos"])
]
Events = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=60)]],
    Field(
        max_length=50,
        description="Event types, or groups like `attempt.*`; empty: all.",
        examples=[["callback.*", "attempt.ended"]],
    ),
]


class NewWebhook(In):
    """Somebody who is to be told what happens from now on."""

    url: Url
    """Where to: https, on the open Internet."""
    events: Events = Field(default_factory=list)
    description: Text = ""
    """For people: what it is for."""


class WebhookChange(In):
    """What is to be different; what is left out stays."""

    url: Url | None = None
    events: Events | None = None
    description: Text | None = None
    enabled: bool | None = None
    """false: nothing is sent any more. true: it goes on where it was, so nothing is missed."""
    skip: bool = False
    """With `enabled` true: what happened meanwhile is left out."""


class Webhook(Out):
    """Somebody who is told what happens."""

    id: str
    url: str
    """Where to. What follows a question mark is not shown."""
    events: list[str]
    description: str
    enabled: bool
    disabled_reason: str | None
    """Why nothing is sent any more."""
    created_at: datetime
    cursor: int
    """The place in the journal up to which messages were made."""

    @classmethod
    def of(cls, webhook: Record) -> Self:
        """Write a webhook down, without its secret."""
        return cls(**_shown(webhook))


class MadeWebhook(Webhook):
    """A webhook with its secret, which is shown this once."""

    secret: str = Field(
        repr=False,
        description="What the receiver checks signatures with (Standard Webhooks).",
        examples=["whsec_..."],
    )

    @classmethod
    def of(cls, webhook: Record) -> Self:
        """Write a webhook down with its newest secret."""
        return cls(**_shown(webhook), secret=newest(webhook.secret))


def _shown(webhook: Record) -> dict[str, Any]:
    parts = urlsplit(webhook.url)
    url = parts._replace(query="…" if parts.query else "", fragment="").geturl()
    return {
        "id": webhook.id,
        "url": url,
        "events": list(webhook.events),
        "description": webhook.description,
        "enabled": not webhook.disabled,
        "disabled_reason": webhook.disabled or None,
        "created_at": webhook.created_at,
        "cursor": webhook.cursor,
    }


class WebhookList(Out):
    """Every webhook, oldest first."""

    data: list[Webhook]


class DeliveryOut(Out):
    """One message to one webhook."""

    id: str
    """Also sent as `webhook-id`, the same with each try."""
    type: str
    state: Literal["waiting", "taken", "given_up"]
    created_at: datetime
    tries: int
    next_at: datetime | None
    """When it is tried next."""
    delivered_at: datetime | None
    status: int | None
    """What the receiver answered last."""
    error: str
    """Why the last try failed."""
    body: str
    """What is sent, byte for byte."""

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Write a delivery down."""
        over: Literal["taken", "given_up"] = "taken" if delivery.delivered_at else "given_up"
        return cls(
            id=delivery.id,
            type=delivery.type,
            state="waiting" if delivery.next_at else over,
            created_at=delivery.created_at,
            tries=delivery.tries,
            next_at=delivery.next_at,
            delivered_at=delivery.delivered_at,
            status=delivery.status,
            error=delivery.error,
            body=delivery.body,
        )


class DeliveryPage(Page[DeliveryOut]):
    """Messages to one webhook, newest first."""


class DeliveryQuery(PageQuery):
    """Which page of the messages."""


class Replay(In):
    """What is to be sent anew."""

    since: Moment = Field(description="All that was made since then.")
    failed_only: bool = False
    """Only what was given up."""


class Replayed(Out):
    """How much is sent anew."""

    count: int = Field(description="At most 2000; what is under way is left as it is.")


class EventType(Out):
    """A kind of event."""

    type: str
    meaning: str


class EventTypeList(Out):
    """Every kind of event that is told."""

    data: list[EventType]


class StreamQuery(In):
    """Which events to stream."""

    queue: Annotated[str | None, Field(min_length=1, max_length=40)] = None
    """Only those of this queue."""
    callback_id: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    """Only those of this callback."""
