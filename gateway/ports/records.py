"""What the service asks of the store beside dispatching: the second half of its port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.change import Change
from gateway.domain.model import Callback, Contact
from gateway.domain.records import (
    ApiKey,
    CallbackView,
    Delivery,
    DoNotCall,
    Hold,
    Interaction,
    JournalEntry,
    Remembered,
    Webhook,
)

__all__ = ["Amend", "AmendContact", "Records"]

# Decides about one callback; pure. Returns the change, or None for nothing to do; may raise.
Amend = Callable[[CallbackView], Change | None]
# Returns the contact as it is to be; pure; may raise.
AmendContact = Callable[[Contact], Contact]


class Records(Protocol):
    """Keeps what surrounds the calls. Every method may raise StoreUnavailable."""

    on_journal: Callable[[], None]
    """Called, on the loop, after a commit of this process that added to the journal.

    Other nodes are not told of: who follows the journal must look by itself now and then, too.
    """

    async def amend(self, callback_id: str, decide: Amend) -> Callback:
        """Judge one callback inside a transaction and apply the change; returns it as it is now.

        Raises NotFound, Conflict, and whatever ``decide`` raises (then nothing is changed).
        """
        ...

    async def contact(self, contact_id: str) -> Contact | None:
        """Return a contact."""
        ...

    async def contacts(
        self, *, number: str | None = None, after: str = "", limit: int = 50
    ) -> list[Contact]:
        """List contacts by id, newest first, ``after`` an id; ``number`` any of theirs (E.164)."""
        ...

    async def add_contact(self, contact: Contact) -> Contact:
        """Keep a contact; one with a known first number is updated, and its id returned."""
        ...

    async def amend_contact(self, contact_id: str, decide: AmendContact) -> Contact:
        """Change a contact inside a transaction. Raises NotFound and what ``decide`` raises."""
        ...

    async def open_callbacks(
        self, *, contact_id: str | None = None, number: str | None = None
    ) -> list[Callback]:
        """Return callbacks not closed yet of this contact or of anybody with this number."""
        ...

    async def do_not_call_list(self, *, after: str = "", limit: int = 50) -> list[DoNotCall]:
        """List the do-not-call list by number, ``after`` a number."""
        ...

    async def allow_calls(self, number: str) -> bool:
        """Take a number off the do-not-call list; False if it was not on it."""
        ...

    async def holds(self) -> list[Hold]:
        """Return what is held, oldest first."""
        ...

    async def hold(self, hold: Hold) -> None:
        """Hold a target, durable on return; a hold that stands already stays as it is.

        From then on ``claim`` reserves nothing of it and ``start_sending`` grants nothing of it.
        """
        ...

    async def release(self, target: str) -> Hold | None:
        """Lift a hold; returns it, or None if there was none."""
        ...

    async def add_key(self, key: ApiKey) -> None:
        """Keep an API key."""
        ...

    async def keys(self) -> list[ApiKey]:
        """List API keys, oldest first, revoked and expired ones too."""
        ...

    async def key(self, key_id: str) -> ApiKey | None:
        """Return an API key."""
        ...

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        """Revoke a key; False if there is none or it was revoked before."""
        ...

    async def recall(self, key: str) -> Remembered | None:
        """Return the answer given under an idempotency key; it may be older than a day still."""
        ...

    async def remember(self, answer: Remembered) -> None:
        """Keep an answer (the first one under a key stays); those older than a day are let go."""
        ...

    async def add_interactions(self, interactions: Sequence[Interaction]) -> list[bool]:
        """Keep interactions, durable on return; False for one seen before (source and id)."""
        ...

    async def interactions(
        self, *, contact_id: str | None = None, number: str | None = None, limit: int = 50
    ) -> list[Interaction]:
        """List interactions of a contact (or of its numbers) or of a number, newest first."""
        ...

    async def journal(self, *, after: int, limit: int = 100) -> list[JournalEntry]:
        """Return the journal after a place in it, in order; what could still be overtaken waits."""
        ...

    async def journal_end(self) -> int:
        """Return the last place in the journal; 0 if it is empty."""
        ...

    async def webhooks(self) -> list[Webhook]:
        """List webhooks, oldest first."""
        ...

    async def put_webhook(self, webhook: Webhook) -> None:
        """Keep a webhook, new or changed; the cursor of a known one is left as it is."""
        ...

    async def drop_webhook(self, webhook_id: str) -> bool:
        """Forget a webhook and its deliveries; False if there is none."""
        ...

    async def queue_deliveries(
        self, webhook_id: str, cursor: int, deliveries: Sequence[Delivery]
    ) -> None:
        """Keep new deliveries and move the webhook's cursor, in one transaction.

        Raises NotFound if the webhook is gone.
        """
        ...

    async def due_deliveries(self, now: datetime, limit: int = 100) -> list[Delivery]:
        """Return deliveries whose next try is due, earliest first."""
        ...

    async def next_delivery_at(self) -> datetime | None:
        """Return when the next delivery is due."""
        ...

    async def save_delivery(self, delivery: Delivery) -> None:
        """Keep what became of a try; nothing happens if the delivery is gone with its webhook."""
        ...

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """Return a delivery."""
        ...

    async def deliveries(
        self, webhook_id: str, *, after: str = "", limit: int = 50
    ) -> list[Delivery]:
        """List deliveries of a webhook by id, newest first, ``after`` an id."""
        ...
