"""Tables of what is kept beside callbacks, after the rules of :mod:`adapters.sql.tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Index, Text
from sqlmodel import Field

from adapters.sql.tables import ID, Rows, one_of, partial_index, table_of
from gateway.domain.records import InteractionKind, Scope

__all__ = [
    "API_KEY",
    "DELIVERY",
    "HOLD",
    "INTERACTION",
    "MERGED_KEY",
    "REMEMBERED",
    "WEBHOOK",
]


class ApiKeyRow(Rows, table=True):
    """A key to the API."""

    __tablename__ = "api_key"
    __table_args__ = (one_of("scope", Scope, "scope_known"),)
    id: str = Field(sa_type=ID, primary_key=True)
    name: str
    digest: str
    scope: str
    created_at: int = Field(sa_type=BigInteger)
    expires_at: int | None = Field(sa_type=BigInteger)
    revoked_at: int | None = Field(sa_type=BigInteger)


class HoldRow(Rows, table=True):
    """What must not be called while the row stands."""

    __tablename__ = "hold"
    __table_args__ = (
        CheckConstraint("target = 'all' OR target LIKE 'queue:_%'", name="target_known"),
    )
    target: str = Field(sa_type=ID, primary_key=True)
    reason: str
    set_by: str
    since: int = Field(sa_type=BigInteger)


class MergedKeyRow(Rows, table=True):
    """The idempotency key of a request that was merged into a callback which has another one."""

    __tablename__ = "merged_key"
    key: str = Field(sa_type=ID, primary_key=True)
    callback_id: str = Field(sa_type=ID, foreign_key="callback.id")


class RememberedRow(Rows, table=True):
    """An answer that is given again when the same request comes again."""

    __tablename__ = "remembered"
    __table_args__ = (Index("remembered_at", "at"),)
    key: str = Field(sa_type=ID, primary_key=True)
    fingerprint: str
    status: int
    body: str = Field(sa_type=Text)
    at: int = Field(sa_type=BigInteger)


class InteractionRow(Rows, table=True):
    """Something a contact did; its sender's id is unique for that sender."""

    __tablename__ = "interaction"
    __table_args__ = (
        Index("interaction_contact", "contact_id", "at"),
        Index("interaction_number", "number", "at"),
        one_of("kind", InteractionKind, "kind_known"),
    )
    id: str = Field(sa_type=ID, primary_key=True)  # first: they are looked up by it
    source: str = Field(sa_type=ID, primary_key=True)
    kind: str
    at: int = Field(sa_type=BigInteger)
    number: str | None
    contact_id: str | None = Field(sa_type=ID)
    answered: bool
    data: str = Field(sa_type=Text)


class WebhookRow(Rows, table=True):
    """Somebody who is told."""

    __tablename__ = "webhook"
    id: str = Field(sa_type=ID, primary_key=True)
    url: str
    secret: str
    events: str = Field(sa_type=Text)
    description: str
    created_at: int = Field(sa_type=BigInteger)
    cursor: int = Field(sa_type=BigInteger)
    disabled: str


class DeliveryRow(Rows, table=True):
    """One message to one webhook; waits while ``next_at`` is set."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("delivery_webhook", "webhook_id", "id"),
        partial_index("delivery_due", "next_at", "id", where="next_at IS NOT NULL"),
    )
    id: str = Field(sa_type=ID, primary_key=True)
    webhook_id: str = Field(sa_type=ID, foreign_key="webhook.id")
    entry_id: int = Field(sa_type=BigInteger)
    type: str
    body: str = Field(sa_type=Text)
    created_at: int = Field(sa_type=BigInteger)
    tries: int
    next_at: int | None = Field(sa_type=BigInteger)
    delivered_at: int | None = Field(sa_type=BigInteger)
    status: int | None
    error: str


API_KEY = table_of("api_key")
HOLD = table_of("hold")
MERGED_KEY = table_of("merged_key")
REMEMBERED = table_of("remembered")
INTERACTION = table_of("interaction")
WEBHOOK = table_of("webhook")
DELIVERY = table_of("delivery")
