"""Every order about what is kept beside callbacks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from adapters.sql.records import amend, contacts, permits, webhooks
from gateway.domain.change import Change
from gateway.domain.model import Callback, Contact, Flight
from gateway.domain.records import ApiKey, Delivery, Hold, Interaction, Remembered, Webhook
from gateway.ports.records import Amend, AmendContact

__all__ = ["WritesRecords"]

T = TypeVar("T")


class WritesRecords(ABC):
    """The writing half of :class:`gateway.ports.records.Records`."""

    @abstractmethod
    async def _order(self, work: Callable[[Connection], T]) -> T:
        """Have work done by the writer and committed."""

    @abstractmethod
    async def _settle(self) -> None:
        """Wait until what other nodes are writing now is committed or gone, for a while at most."""

    # Callbacks and contacts

    async def amend(self, callback_id: str, decide: Amend) -> Callback:
        return await self._order(partial(amend.amend, callback_id=callback_id, decide=decide))

    async def add_contact(self, contact: Contact) -> Contact:
        return await self._order(partial(contacts.add_contact, one=contact))

    async def amend_contact(self, contact_id: str, decide: AmendContact) -> Contact:
        return await self._order(
            partial(contacts.amend_contact, contact_id=contact_id, decide=decide)
        )

    async def add_interactions(self, interactions: Sequence[Interaction]) -> list[bool]:
        return await self._order(partial(contacts.add_interactions, given=tuple(interactions)))

    async def allow_calls(self, number: str) -> bool:
        return await self._order(partial(permits.allow_calls, number=number))

    async def settle_all(self, hold: Hold, decide: Callable[[Flight], Change]) -> int:
        """Set a hold and change every open flight at once; returns how many. For restored data."""
        return await self._order(partial(amend.settle_all, hold=hold, decide=decide))

    # Permits

    async def hold(self, hold: Hold) -> None:
        await self._order(partial(permits.hold, one=hold))
        # Another node may be in the midst of granting legs that it judged before the hold stood.
        await self._settle()

    async def release(self, target: str) -> Hold | None:
        return await self._order(partial(permits.release, target=target))

    async def add_key(self, key: ApiKey) -> None:
        await self._order(partial(permits.add_key, one=key))

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        return await self._order(partial(permits.revoke_key, key_id=key_id, now=now))

    async def remember(self, answer: Remembered) -> None:
        await self._order(partial(permits.remember, answer=answer))

    # Who is told

    async def put_webhook(self, webhook: Webhook) -> None:
        await self._order(partial(webhooks.put_webhook, webhook=webhook))

    async def drop_webhook(self, webhook_id: str) -> bool:
        return await self._order(partial(webhooks.drop_webhook, webhook_id=webhook_id))

    async def queue_deliveries(
        self, webhook_id: str, cursor: int, deliveries: Sequence[Delivery]
    ) -> None:
        await self._order(
            partial(
                webhooks.queue_deliveries,
                webhook_id=webhook_id,
                cursor=cursor,
                fresh=tuple(deliveries),
            )
        )

    async def save_delivery(self, delivery: Delivery) -> None:
        await self._order(partial(webhooks.save_delivery, delivery=delivery))
