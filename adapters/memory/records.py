"""What is kept beside callbacks, in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

import structlog

from adapters.memory.shelves import Shelves
from gateway.domain.errors import Conflict, NotFound
from gateway.domain.machine import TERMINAL_CALLBACK_STATES
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
from gateway.ports.records import Amend, AmendContact

__all__ = ["MemoryRecords", "nobody"]

_log = structlog.get_logger(__name__)
_KEPT = timedelta(days=1)


def nobody() -> None:
    """Nobody listens to the journal."""


@dataclass(slots=True)
class _Drawers:
    keys: dict[str, ApiKey] = field(default_factory=dict)
    answers: dict[str, Remembered] = field(default_factory=dict)
    interactions: dict[tuple[str, str], Interaction] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)


class MemoryRecords(ABC):
    """The second half of the store port; what each method means is said there."""

    on_journal: Callable[[], None]

    def __init__(self) -> None:
        self._drawers = _Drawers()
        self.on_journal = nobody

    @abstractmethod
    def _opened(self) -> Shelves:
        """Return the rows, or raise StoreUnavailable."""

    def _kept(self) -> _Drawers:
        self._opened()
        return self._drawers

    def _tell_journal(self) -> None:
        try:
            self.on_journal()
        except Exception as error:  # noqa: BLE001 -- who listens must not harm a write
            _log.error("store.listener_failed", error=type(error).__name__)

    # Callbacks and contacts

    async def amend(self, callback_id: str, decide: Amend) -> Callback:
        rows = self._opened()
        callback = rows.callbacks.get(callback_id)
        if callback is None:
            raise NotFound(f"there is no callback {callback_id}")
        contact = rows.contacts[callback.contact_id]
        numbers = {one.e164 for one in contact.numbers}
        view = CallbackView(
            callback=callback,
            contact=contact,
            attempts=rows.history_of(callback_id),
            do_not_call=frozenset(numbers & rows.do_not_call.keys()),
        )
        change = decide(view)
        if change is not None:
            rows.apply(change)
            if change.steps:
                self._tell_journal()
        return rows.callbacks[callback_id]

    async def contact(self, contact_id: str) -> Contact | None:
        return self._opened().contacts.get(contact_id)

    async def contacts(
        self, *, number: str | None = None, after: str = "", limit: int = 50
    ) -> list[Contact]:
        found = [
            one
            for name, one in sorted(self._opened().contacts.items(), reverse=True)
            if (not after or name < after)
            and (number is None or number in {its.e164 for its in one.numbers})
        ]
        return found[: max(0, limit)]

    async def add_contact(self, contact: Contact) -> Contact:
        rows = self._opened()
        same = rows.contacts_by_first_number(contact.numbers[0].e164) if contact.numbers else ()
        if contact.id not in rows.contacts and same:
            contact = replace(contact, id=min(same))
        rows.put_contact(contact)
        return contact

    async def amend_contact(self, contact_id: str, decide: AmendContact) -> Contact:
        rows = self._opened()
        if contact_id not in rows.contacts:
            raise NotFound(f"there is no contact {contact_id}")
        rows.put_contact(replace(decide(rows.contacts[contact_id]), id=contact_id))
        return rows.contacts[contact_id]

    async def open_callbacks(
        self, *, contact_id: str | None = None, number: str | None = None
    ) -> list[Callback]:
        rows = self._opened()
        return [
            one
            for _, one in sorted(rows.callbacks.items(), reverse=True)
            if one.state not in TERMINAL_CALLBACK_STATES
            and (contact_id is None or one.contact_id == contact_id)
            and (number is None or rows.has_number(one.contact_id, number))
        ]

    async def add_interactions(self, interactions: Sequence[Interaction]) -> list[bool]:
        kept = self._kept().interactions
        answers = []
        for one in interactions:
            answers.append((one.source, one.id) not in kept)
            kept.setdefault((one.source, one.id), one)
        return answers

    async def interactions(
        self, *, contact_id: str | None = None, number: str | None = None, limit: int = 50
    ) -> list[Interaction]:
        contact = self._opened().contacts.get(contact_id or "")
        numbers = {one.e164 for one in contact.numbers} if contact else set()
        numbers |= set() if number is None else {number}
        everybody = contact_id is None and number is None
        found = [
            one
            for one in self._drawers.interactions.values()
            if everybody
            or (contact_id is not None and one.contact_id == contact_id)
            or one.number in numbers
        ]
        found.sort(key=lambda one: (one.source, one.id))
        return sorted(found, key=lambda one: one.at, reverse=True)[: max(0, limit)]

    # Permits

    async def do_not_call_list(self, *, after: str = "", limit: int = 50) -> list[DoNotCall]:
        listed = sorted(self._opened().do_not_call.items())
        return [one for number, one in listed if number > after][: max(0, limit)]

    async def allow_calls(self, number: str) -> bool:
        return self._opened().do_not_call.pop(number, None) is not None

    async def holds(self) -> list[Hold]:
        return sorted(self._opened().holds.values(), key=lambda one: (one.since, one.target))

    async def hold(self, hold: Hold) -> None:
        self._opened().holds.setdefault(hold.target, hold)

    async def release(self, target: str) -> Hold | None:
        return self._opened().holds.pop(target, None)

    async def add_key(self, key: ApiKey) -> None:
        keys = self._kept().keys
        if key.id in keys:
            raise Conflict(f"key {key.id} exists already")
        keys[key.id] = key

    async def keys(self) -> list[ApiKey]:
        return sorted(self._kept().keys.values(), key=lambda one: (one.created_at, one.id))

    async def key(self, key_id: str) -> ApiKey | None:
        return self._kept().keys.get(key_id)

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        key = self._kept().keys.get(key_id)
        if key is None or key.revoked_at is not None:
            return False
        self._drawers.keys[key_id] = replace(key, revoked_at=now)
        return True

    async def recall(self, key: str) -> Remembered | None:
        return self._kept().answers.get(key)

    async def remember(self, answer: Remembered) -> None:
        answers = self._kept().answers
        for key in [one.key for one in answers.values() if one.at < answer.at - _KEPT]:
            del answers[key]
        answers.setdefault(answer.key, answer)

    # The journal and who is told

    async def journal(self, *, after: int, limit: int = 100) -> list[JournalEntry]:
        rows = self._opened()
        steps = islice(enumerate(rows.journal, start=1), max(0, after), max(0, after) + limit)
        return [
            JournalEntry(
                id=place,
                step=step,
                queue=rows.callbacks[step.callback_id].queue,
                contact_id=rows.callbacks[step.callback_id].contact_id,
            )
            for place, step in steps
        ]

    async def journal_end(self) -> int:
        return len(self._opened().journal)

    async def webhooks(self) -> list[Webhook]:
        return sorted(self._kept().webhooks.values(), key=lambda one: (one.created_at, one.id))

    async def put_webhook(self, webhook: Webhook) -> None:
        known = self._kept().webhooks.get(webhook.id, webhook)
        self._drawers.webhooks[webhook.id] = replace(webhook, cursor=known.cursor)

    async def drop_webhook(self, webhook_id: str) -> bool:
        kept = self._kept()
        kept.deliveries = {
            name: one for name, one in kept.deliveries.items() if one.webhook_id != webhook_id
        }
        return kept.webhooks.pop(webhook_id, None) is not None

    async def queue_deliveries(
        self, webhook_id: str, cursor: int, deliveries: Sequence[Delivery]
    ) -> None:
        kept = self._kept()
        webhook = kept.webhooks.get(webhook_id)
        if webhook is None:
            raise NotFound(f"there is no webhook {webhook_id}")
        if any(one.id in kept.deliveries for one in deliveries):
            raise Conflict("a delivery exists already")
        kept.webhooks[webhook_id] = replace(webhook, cursor=cursor)
        kept.deliveries.update({one.id: one for one in deliveries})

    async def due_deliveries(self, now: datetime, limit: int = 100) -> list[Delivery]:
        waiting = [(at, one.id, one) for at, one in self._waiting() if at <= now]
        return [one for _, _, one in sorted(waiting, key=lambda one: one[:2])][: max(0, limit)]

    def _waiting(self) -> list[tuple[datetime, Delivery]]:
        deliveries = self._kept().deliveries.values()
        return [(one.next_at, one) for one in deliveries if one.next_at is not None]

    async def next_delivery_at(self) -> datetime | None:
        return min((at for at, _ in self._waiting()), default=None)

    async def save_delivery(self, delivery: Delivery) -> None:
        if delivery.id in self._kept().deliveries:
            self._drawers.deliveries[delivery.id] = delivery

    async def delivery(self, delivery_id: str) -> Delivery | None:
        return self._kept().deliveries.get(delivery_id)

    async def deliveries(
        self, webhook_id: str, *, after: str = "", limit: int = 50
    ) -> list[Delivery]:
        found = [
            one
            for name, one in sorted(self._kept().deliveries.items(), reverse=True)
            if one.webhook_id == webhook_id and (not after or name < after)
        ]
        return found[: max(0, limit)]
