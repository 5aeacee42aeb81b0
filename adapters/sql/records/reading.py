"""Every question about what is kept, for the store and for a reader beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from adapters.sql import reads
from adapters.sql.audit import audit
from adapters.sql.lists import Wanted, list_callbacks
from adapters.sql.records import amend, contacts, journal, permits, webhooks
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact, Flight
from gateway.domain.records import (
    ApiKey,
    Delivery,
    DoNotCall,
    Hold,
    Interaction,
    JournalEntry,
    Remembered,
    Webhook,
)
from gateway.ports import History, Violation

__all__ = ["ReadsRecords"]

T = TypeVar("T")


class ReadsRecords(ABC):
    """The reading half of the store port; what each method means is said there."""

    @abstractmethod
    async def _read(self, work: Callable[[Connection], T]) -> T:
        """Run work within one snapshot."""

    # Callbacks

    async def open_flights(self, node: str | None = None) -> list[Flight]:
        return await self._read(partial(reads.open_flights, node=node))

    async def history(self, callback_id: str) -> History | None:
        return await self._read(partial(reads.history, callback_id=callback_id))

    async def callbacks(
        self,
        *,
        states: Sequence[CallbackState] = (),
        queue: str | None = None,
        contact_id: str | None = None,
        number: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str = "",
        limit: int = 50,
    ) -> list[tuple[Callback, Contact]]:
        wanted = Wanted(
            states=tuple(dict.fromkeys(states)),
            queue=queue,
            contact_id=contact_id,
            number=number,
            since=since,
            until=until,
            after=after,
            limit=max(0, limit),
        )
        return await self._read(partial(list_callbacks, wanted=wanted))

    async def open_callbacks(
        self, *, contact_id: str | None = None, number: str | None = None
    ) -> list[Callback]:
        return await self._read(partial(amend.open_callbacks, contact_id=contact_id, number=number))

    async def counts(self) -> dict[str, int]:
        return await self._read(reads.counts)

    async def audit(self, now: datetime) -> list[Violation]:
        return await self._read(partial(audit, now=now))

    # Contacts

    async def contact(self, contact_id: str) -> Contact | None:
        return await self._read(partial(contacts.contact, contact_id=contact_id))

    async def contacts(
        self, *, number: str | None = None, after: str = "", limit: int = 50
    ) -> list[Contact]:
        return await self._read(partial(contacts.contacts, number=number, after=after, limit=limit))

    async def interactions(
        self, *, contact_id: str | None = None, number: str | None = None, limit: int = 50
    ) -> list[Interaction]:
        return await self._read(
            partial(contacts.interactions, contact_id=contact_id, number=number, limit=limit)
        )

    async def do_not_call_list(self, *, after: str = "", limit: int = 50) -> list[DoNotCall]:
        return await self._read(partial(permits.do_not_call_list, after=after, limit=limit))

    # Permits

    async def holds(self) -> list[Hold]:
        return await self._read(permits.holds)

    async def keys(self) -> list[ApiKey]:
        return await self._read(permits.keys)

    async def key(self, key_id: str) -> ApiKey | None:
        return await self._read(partial(permits.key, key_id=key_id))

    async def recall(self, key: str) -> Remembered | None:
        return await self._read(partial(permits.recall, name=key))

    # The journal and who is told

    async def journal(self, *, after: int, limit: int = 100) -> list[JournalEntry]:
        # Two snapshots: the second must be younger than what the first one saw.
        until = await self._read(journal.horizon)
        return await self._read(partial(journal.entries, after=after, limit=limit, until=until))

    async def journal_end(self) -> int:
        until = await self._read(journal.horizon)
        return await self._read(partial(journal.end, until=until))

    async def webhooks(self) -> list[Webhook]:
        return await self._read(webhooks.webhooks)

    async def due_deliveries(self, now: datetime, limit: int = 100) -> list[Delivery]:
        return await self._read(partial(webhooks.due_deliveries, now=now, limit=limit))

    async def next_delivery_at(self) -> datetime | None:
        return await self._read(webhooks.next_delivery_at)

    async def delivery(self, delivery_id: str) -> Delivery | None:
        return await self._read(partial(webhooks.delivery, delivery_id=delivery_id))

    async def deliveries(
        self, webhook_id: str, *, after: str = "", limit: int = 50
    ) -> list[Delivery]:
        return await self._read(
            partial(webhooks.deliveries, webhook_id=webhook_id, after=after, limit=limit)
        )
