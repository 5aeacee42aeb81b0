"""What the service keeps beside callbacks: who may ask, what is held, what was heard, who is told.

Frozen values like those of :mod:`gateway.domain.model`, with the same units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gateway.domain.model import Attempt, Callback, Contact, Step

__all__ = [
    "HOLD_ALL",
    "ApiKey",
    "CallbackView",
    "Delivery",
    "DoNotCall",
    "Hold",
    "Interaction",
    "InteractionKind",
    "JournalEntry",
    "Remembered",
    "Scope",
    "Webhook",
    "hold_on",
]


class Scope(StrEnum):
    """What an API key may do; each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key to the API. Only the SHA-256 of its secret is kept, which was random (256 bits)."""

    id: str
    name: str
    digest: str = field(repr=False)
    scope: Scope
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


HOLD_ALL = "all"
"""The target of a hold that stops every call."""


def hold_on(queue: str) -> str:
    """Return the target of a hold that stops the calls of one queue."""
    return f"queue:{queue}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Nothing is sent while it stands. ``target``: ``all`` or ``queue:<name>``.

    Kept in the database: it survives restarts and holds for every node. ``by`` names who set it.
    """

    target: str
    reason: str
    by: str
    since: datetime


class InteractionKind(StrEnum):
    """How a contact was heard of other than by a call of ours."""

    INBOUND_CALL = "inbound_call"
    MISSED_CALL = "missed_call"
    REACHED_ELSEWHERE = "reached_elsewhere"
    WEB_VISIT = "web_visit"
    MAIL_OPENED = "mail_opened"
    MAIL_CLICKED = "mail_clicked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Something a contact did. ``id`` is the sender's, unique per ``source``: seen once.

    ``number`` (E.164) or ``contact_id`` says who; ``answered``: an inbound call was talked to.
    """

    id: str
    source: str
    kind: InteractionKind
    at: datetime
    number: str | None = field(default=None, repr=False)
    contact_id: str | None = None
    answered: bool = False
    data: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoNotCall:
    """A number that must not be called."""

    number: str = field(repr=False)
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One line of the journal with its place in it. Places grow; gaps are possible."""

    id: int
    step: Step
    queue: str
    contact_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Somebody who is told. ``events``: event types, empty for all.

    ``cursor``: the place in the journal up to which deliveries were made. ``secret`` is the
    Standard Webhooks signing secret (``whsec_...``). ``disabled``: why nothing is sent any more.
    """

    id: str
    url: str
    secret: str = field(repr=False)
    events: tuple[str, ...] = ()
    description: str = ""
    created_at: datetime
    cursor: int = 0
    disabled: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one webhook, until it was taken or given up.

    ``next_at`` None: over; then ``delivered_at`` says whether it was taken. ``body`` is what is
    sent and signed, byte for byte the same each time.
    """

    id: str
    webhook_id: str
    entry_id: int
    type: str
    body: str = field(repr=False)
    created_at: datetime
    tries: int = 0
    next_at: datetime | None = None
    delivered_at: datetime | None = None
    status: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The answer to a request that carried an idempotency key, to be given again for a day.

    ``key`` holds who asked and what for; ``fingerprint`` is of the request, so that another request
    under the same key is told apart.
    """

    key: str = field(repr=False)
    fingerprint: str
    status: int
    body: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackView:
    """A callback with what a decision about it needs, as seen inside the deciding transaction."""

    callback: Callback
    contact: Contact
    attempts: tuple[Attempt, ...] = ()
    do_not_call: frozenset[str] = frozenset()
