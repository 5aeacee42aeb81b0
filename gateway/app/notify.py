"""Tells webhooks what happened: from the journal to messages, from messages to their receivers.

The journal is the outbox. For each webhook it is read on from a cursor, and the messages and the
new cursor are kept in one transaction; a message is sent until it was taken or its tries are used
up. Killed at any point, the next start goes on from what is kept: everything is sent at least
once, and what is sent twice has the same name and the same bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from gateway.app.lane import Lane
from gateway.app.tail import JournalTail
from gateway.app.waiting import sleep_until_woken
from gateway.app.webhooks import MOST_OPEN, MOST_WEBHOOKS, Webhooks, delivery_of
from gateway.domain.delivering import DISABLE_AFTER, GONE, MAX_TRIES, Outcome, after_try
from gateway.domain.errors import KairosError, NotFound, StoreUnavailable
from gateway.domain.lifecycle import event_of, is_wanted
from gateway.domain.records import Delivery
from gateway.domain.signing import headers
from gateway.ports import Clock, Store
from gateway.ports.messenger import Answer, Message, Messenger

__all__ = ["Notifier", "NotifySpec"]

_log = structlog.get_logger()
_PAGE: Final = 100
_AGAIN: Final = 1.0
_FAR: Final = timedelta(days=400)
_EVERYTHING: Final = 2 * MOST_WEBHOOKS * MOST_OPEN
_LOOK_BACK: Final = 1000
_ASKS_FOR_PEACE: Final = frozenset({429, 503})
_LONGEST_PEACE: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySpec:
    """How hard receivers are tried. ``window``: open messages a webhook, at most.

    ``look_every``: seconds; what another process changed is found by looking.
    """

    max_tries: int = MAX_TRIES
    in_flight: int = 4
    window: int = MOST_OPEN
    look_every: float = 30.0


class Notifier:
    """Sends what is due. One task: :meth:`run`. ``chance`` returns 0 to 1, for the waits."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        tail: JournalTail,
        hooks: Webhooks,
        messenger: Messenger,
        chance: Callable[[], float],
        spec: NotifySpec,
    ) -> None:
        self._store = store
        self._clock = clock
        self._tail = tail
        self._hooks = hooks
        self._messenger = messenger
        self._chance = chance
        self._spec = spec
        self._lanes: dict[str, Lane] = {}
        self._wake = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._look_at: datetime | None = None
        self._finished: set[str] = set()
        self._trouble = False
        self._began = False

    def wake(self) -> None:
        """Hear that the journal grew."""
        self._wake.set()

    def look(self) -> None:
        """Hear that a webhook or a delivery was changed by others."""
        self._look_at = None
        self._wake.set()

    async def run(self) -> None:
        """Send until canceled. Cancelable at any await; what is cut off is sent again."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            while True:
                self._wake.clear()
                try:
                    more = await self._turn()
                    self._edge(trouble=False)
                except StoreUnavailable:
                    self._look_at = None
                    self._edge(trouble=True)
                    await self._clock.sleep(_AGAIN)
                    continue
                self._start()
                if not more:
                    await sleep_until_woken(self._wake, self._clock, self._wait())

    async def _turn(self) -> bool:
        """Look at what others changed, take from the journal; tell whether there is more."""
        now = self._clock.now()
        if self._look_at is None or self._look_at <= now:
            self._look_at = now + timedelta(seconds=self._spec.look_every)
            await self._reload()
        more = False
        for lane in list(self._lanes.values()):
            more |= await self._fill(lane)
        return more

    async def _reload(self) -> None:
        self._finished.clear()
        webhooks = {one.id: one for one in await self._store.webhooks() if not one.disabled}
        for gone in self._lanes.keys() - webhooks.keys():
            del self._lanes[gone]
        for webhook in webhooks.values():
            lane = self._lanes.get(webhook.id)
            if lane is None:
                lane = self._lanes[webhook.id] = Lane(webhook, in_flight=self._spec.in_flight)
                lane.past_known = self._began
            else:
                lane.webhook = webhook
                lane.cursor = max(lane.cursor, webhook.cursor)
        self._began = True
        if not self._lanes:
            return
        stored: dict[str, list[Delivery]] = {one: [] for one in self._lanes}
        for one in await self._store.due_deliveries(self._clock.now() + _FAR, _EVERYTHING):
            if one.webhook_id in stored:
                stored[one.webhook_id].append(one)
        for webhook_id, lane in self._lanes.items():
            lane.agree(stored[webhook_id], frozenset(self._finished))

    async def _fill(self, lane: Lane) -> bool:
        """Make messages from the journal, as many as there is room for."""
        room = self._spec.window - len(lane)
        if room <= 0:
            return False
        limit = min(_PAGE, room)
        entries = await self._tail.after(lane.cursor, limit)
        if not entries:
            return False
        now, webhook = self._clock.now(), lane.webhook
        events = [event for one in entries if (event := event_of(one)) is not None]
        made = [
            delivery_of(webhook, one, now) for one in events if is_wanted(one.type, webhook.events)
        ]
        cursor = entries[-1].id
        if made or cursor - lane.kept_cursor >= _PAGE:
            try:
                await self._hooks.queue(webhook.id, cursor, made)
                lane.kept_cursor = cursor
            except StoreUnavailable:
                raise
            except KairosError as error:
                # It was dropped, or another process was faster.
                _log.info("webhook.looked_at_anew", webhook_id=webhook.id, reason=str(error))
                self._look_at = None
                self._lanes.pop(webhook.id, None)
                return False
        lane.cursor = cursor
        for delivery in made:
            lane.put(delivery)
        return len(entries) == limit

    def _start(self) -> None:
        now = self._clock.now()
        for lane in self._lanes.values():
            while (delivery := lane.take(now)) is not None:
                if self._group is not None:
                    self._group.create_task(self._send(lane, delivery), name="webhook")

    def _wait(self) -> float:
        now = self._clock.now()
        times = [one.next_at() for one in self._lanes.values() if not one.is_full]
        times.append(self._look_at)
        waits = [(one - now).total_seconds() for one in times if one is not None]
        return max(0.0, min(waits, default=0.0))

    async def _send(self, lane: Lane, delivery: Delivery) -> None:
        answer = await self._try(lane, delivery)
        now = self._clock.now()
        outcome = Outcome(
            taken=answer.taken,
            status=answer.status,
            error=answer.error,
            retry_after=answer.retry_after,
        )
        tried = after_try(
            delivery, outcome, now, chance=self._chance(), max_tries=self._spec.max_tries
        )
        await self._keep(tried)
        if tried.next_at is None:
            self._finished.add(tried.id)
        lane.settle(tried)
        if answer.taken:
            lane.took()
        else:
            await self._failed(lane, tried, answer)
        self._wake.set()

    async def _try(self, lane: Lane, delivery: Delivery) -> Answer:
        body = delivery.body.encode()
        try:
            signed = headers(lane.webhook.secret, delivery.id, body, self._clock.now())
            message = Message(
                url=lane.webhook.url,
                headers={**signed, "content-type": "application/json"},
                body=body,
            )
            return await self._messenger.send(message)
        except Exception as error:  # noqa: BLE001 -- one message must not stop the others
            _log.exception("webhook.defect", webhook_id=delivery.webhook_id)
            return Answer(error=f"could not be sent ({type(error).__name__})")

    async def _keep(self, tried: Delivery) -> None:
        while True:
            try:
                await self._store.save_delivery(tried)
            except StoreUnavailable:
                await self._clock.sleep(_AGAIN)
            except KairosError:
                return  # Its webhook was dropped meanwhile.
            else:
                return

    async def _failed(self, lane: Lane, tried: Delivery, answer: Answer) -> None:
        webhook, now = lane.webhook, self._clock.now()
        asked = answer.retry_after if answer.status in _ASKS_FOR_PEACE else None
        lane.failed(now, min(asked, _LONGEST_PEACE) if asked else None)
        if tried.next_at is None:
            _log.warning(
                "webhook.given_up",
                webhook_id=webhook.id,
                delivery_id=tried.id,
                tries=tried.tries,
                reason=tried.error,
            )
        if answer.status == GONE:
            await self._disable(lane, f"the receiver answered {GONE}: it wants nothing any more")
            return
        since = lane.failing_since
        if since is None:
            since = now if lane.past_known else await self._since(lane, now)
            lane.failing_since, lane.past_known = since, True
        if now - since >= DISABLE_AFTER:
            await self._disable(
                lane, f"took nothing since {since:%Y-%m-%d %H:%M} UTC: {tried.error}"
            )

    async def _since(self, lane: Lane, now: datetime) -> datetime:
        """Return since when nothing was taken, as far as what is kept tells."""
        failed, taken, after = [now], None, ""
        for _ in range(_LOOK_BACK // _PAGE):
            try:
                page = await self._store.deliveries(lane.webhook.id, after=after, limit=_PAGE)
            except StoreUnavailable:
                break
            for one in page:
                if one.delivered_at is not None:
                    taken = max(taken or one.delivered_at, one.delivered_at)
                elif one.tries:
                    failed.append(one.created_at)
            if not page or taken is not None:
                break
            after = page[-1].id
        return min(one for one in failed if taken is None or one >= taken)

    async def _disable(self, lane: Lane, reason: str) -> None:
        self._lanes.pop(lane.webhook.id, None)
        try:
            await self._hooks.disable(lane.webhook.id, reason)
        except StoreUnavailable:
            self.look()
        except NotFound:
            return
        else:
            _log.error("webhook.disabled", webhook_id=lane.webhook.id, reason=reason)

    def _edge(self, *, trouble: bool) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            _log.warning("webhooks.wait" if trouble else "webhooks.go_on")
