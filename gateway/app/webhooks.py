"""What people do with webhooks: make, change, drop, try, and send again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.domain.delivering import again
from gateway.domain.errors import BadInput, NotFound, NotNow
from gateway.domain.lifecycle import Event, is_wanted, trial_event, unknown_types
from gateway.domain.records import Delivery, Webhook
from gateway.domain.signing import SECRET_BYTES, rotated, secret_of
from gateway.ports import Clock, Store

__all__ = ["MOST_OPEN", "MOST_WEBHOOKS", "WebhookPatch", "Webhooks", "delivery_of"]

MOST_WEBHOOKS: Final = 20
MOST_OPEN: Final = 2000
"""How many messages to one webhook may be under way; the journal holds what comes after."""

_PAGE: Final = 200
_ID_CHANCE: Final = 5
_ID_DIGITS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPatch:
    """What is to be changed; None leaves it. ``skip``: an enabled one begins with what is next."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    description: str | None = None
    enabled: bool | None = None
    skip: bool = False


def delivery_of(webhook: Webhook, event: Event, now: datetime, suffix: str = "") -> Delivery:
    """Return the message about an event; its name follows from both, so it is made once only.

    The content is in the name, for a restored backup counts places anew.
    """
    content = hashlib.sha256(event.body.encode()).hexdigest()[:_ID_DIGITS]
    return Delivery(
        id=f"{webhook.id}_{event.place:012d}_{content}{suffix}",
        webhook_id=webhook.id,
        entry_id=event.place,
        type=event.type,
        body=event.body,
        created_at=now,
        next_at=now,
    )


class Webhooks:
    """Every change of a webhook goes through here, one after the other.

    ``check`` refuses unusable addresses (BadInput); ``chance`` gives that many random bytes.
    ``on_change`` is called when what is to be sent, or where to, changed.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        check: Callable[[str], None],
        chance: Callable[[int], bytes],
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._store = store
        self._clock = clock
        self._check = check
        self._chance = chance
        self._lock = asyncio.Lock()

    async def all(self) -> list[Webhook]:
        """List webhooks, oldest first."""
        return await self._store.webhooks()

    async def one(self, webhook_id: str) -> Webhook:
        """Return a webhook. Raises NotFound."""
        for webhook in await self._store.webhooks():
            if webhook.id == webhook_id:
                return webhook
        raise NotFound(f"no webhook {webhook_id}")

    async def create(
        self, *, url: str, events: Sequence[str] = (), description: str = ""
    ) -> Webhook:
        """Make a webhook that is told what happens from now on. Raises BadInput, NotNow."""
        self._check(url)
        _check_events(events)
        async with self._lock:
            if len(await self._store.webhooks()) >= MOST_WEBHOOKS:
                problem = f"there are {MOST_WEBHOOKS} webhooks, which is the most there may be"
                raise NotNow(problem, remedy="delete one that is not needed any more")
            now = self._clock.now()
            webhook = Webhook(
                id=f"wh{int(now.timestamp() * 1000):012x}{self._chance(_ID_CHANCE).hex()}",
                url=url,
                secret=self._fresh_secret(),
                events=tuple(dict.fromkeys(events)),
                description=description,
                created_at=now,
                cursor=await self._store.journal_end(),
            )
            await self._store.put_webhook(webhook)
        self.on_change()
        return webhook

    async def change(self, webhook_id: str, patch: WebhookPatch) -> Webhook:
        """Change a webhook. Raises NotFound, BadInput.

        One that is enabled again goes on where it was, so nothing is missed; with ``skip`` it
        goes on with what happens next, and what was on its way is sent still.
        """
        if patch.url is not None:
            self._check(patch.url)
        _check_events(patch.events or ())

        def decide(webhook: Webhook) -> Webhook:
            disabled = webhook.disabled
            if patch.enabled is not None:
                disabled = "" if patch.enabled else disabled or "disabled by hand"
            return replace(
                webhook,
                url=patch.url if patch.url is not None else webhook.url,
                events=patch.events if patch.events is not None else webhook.events,
                description=webhook.description if patch.description is None else patch.description,
                disabled=disabled,
            )

        return await self._amend(webhook_id, decide, skip=patch.skip)

    async def disable(self, webhook_id: str, reason: str) -> None:
        """Send nothing any more; the first reason stays. Raises NotFound."""
        await self._amend(webhook_id, lambda one: replace(one, disabled=one.disabled or reason))

    async def rotate(self, webhook_id: str) -> Webhook:
        """Give a fresh secret; the one before signs too for another day. Raises NotFound."""
        fresh, now = self._fresh_secret(), self._clock.now()
        return await self._amend(
            webhook_id, lambda one: replace(one, secret=rotated(one.secret, fresh, now))
        )

    async def drop(self, webhook_id: str) -> None:
        """Forget a webhook and what was on its way to it. Raises NotFound."""
        async with self._lock:
            if not await self._store.drop_webhook(webhook_id):
                raise NotFound(f"no webhook {webhook_id}")
        self.on_change()

    async def test(self, webhook_id: str) -> Delivery:
        """Send a message that says nothing. Raises NotFound, NotNow (it is disabled)."""
        async with self._lock:
            webhook = _enabled(await self.one(webhook_id))
            now = self._clock.now()
            event = trial_event(webhook_id, webhook.cursor, now)
            made = delivery_of(webhook, event, now, f"_test{self._chance(_ID_CHANCE).hex()}")
            await self._store.queue_deliveries(webhook_id, webhook.cursor, [made])
        self.on_change()
        return made

    async def queue(self, webhook_id: str, cursor: int, made: Sequence[Delivery]) -> None:
        """Keep messages and how far the journal was read for them, in one transaction.

        Only ever moves on: whoever moves the cursor waits for the others here. Raises NotFound.
        """
        async with self._lock:
            webhook = await self.one(webhook_id)
            if webhook.cursor < cursor:
                await self._store.queue_deliveries(webhook_id, cursor, made)

    async def deliveries(
        self, webhook_id: str, *, after: str = "", limit: int = 50
    ) -> list[Delivery]:
        """List what was sent or is to be, newest first. Raises NotFound."""
        await self.one(webhook_id)
        return await self._store.deliveries(webhook_id, after=after, limit=limit)

    async def replay(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send one message anew, the same bytes under the same name. Raises NotFound, NotNow."""
        _enabled(await self.one(webhook_id))
        delivery = await self._store.delivery(delivery_id)
        if delivery is None or delivery.webhook_id != webhook_id:
            raise NotFound(f"no delivery {delivery_id}")
        renewed = again(delivery, self._clock.now())
        await self._store.save_delivery(renewed)
        self.on_change()
        return renewed

    async def replay_since(self, webhook_id: str, since: datetime, *, failed_only: bool) -> int:
        """Send anew what was made since then, newest first; returns how many.

        ``MOST_OPEN`` at most; what is on its way anyway is left as it is. Raises NotFound, and
        NotNow where it is disabled.
        """
        webhook = _enabled(await self.one(webhook_id))
        now, renewed, after = self._clock.now(), 0, ""
        while page := await self._store.deliveries(webhook_id, after=after, limit=_PAGE):
            for delivery in page:
                if delivery.created_at < since or renewed >= MOST_OPEN:
                    self.on_change()
                    return renewed
                over = delivery.next_at is None and is_wanted(delivery.type, webhook.events)
                if over and not (failed_only and delivery.delivered_at):
                    await self._store.save_delivery(again(delivery, now))
                    renewed += 1
            after = page[-1].id
        self.on_change()
        return renewed

    async def _amend(
        self, webhook_id: str, decide: Callable[[Webhook], Webhook], *, skip: bool = False
    ) -> Webhook:
        async with self._lock:
            before = await self.one(webhook_id)
            webhook = decide(before)
            if skip and before.disabled and not webhook.disabled:
                end = await self._store.journal_end()
                await self._store.queue_deliveries(webhook_id, end, [])
                webhook = replace(webhook, cursor=end)
            await self._store.put_webhook(webhook)
        self.on_change()
        return webhook

    def _fresh_secret(self) -> str:
        return secret_of(self._chance(SECRET_BYTES))


def _enabled(webhook: Webhook) -> Webhook:
    if webhook.disabled:
        remedy = "enable it first: PATCH it with enabled true"
        raise NotNow(f"the webhook is disabled: {webhook.disabled}", remedy=remedy)
    return webhook


def _check_events(events: Sequence[str]) -> None:
    unknown = unknown_types(events)
    if unknown:
        remedy = "GET /v1/event-types lists them; callback.* and attempt.* are groups"
        raise BadInput("events", "no such event type", value=unknown[0][:60], remedy=remedy)
