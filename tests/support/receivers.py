"""A receiver of webhooks in memory, and a notifier over it: for tests of what is told, and when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from adapters.memory import ManualClock, MemoryStore
from gateway.app.notices import Notices, connect_notices
from gateway.app.notify import NotifySpec
from gateway.domain.change import Change
from gateway.domain.model import Step
from gateway.domain.records import Delivery, Webhook
from gateway.ports import Answer, Message, Store
from tests.support.builders import NUMBER, a_callback, a_contact
from tests.support.stores import entry

__all__ = ["DOWN", "TAKEN", "Receivers", "Rig", "notices_of", "place", "store_with", "tell"]

DOWN = Answer(status=500, error="answered 500")
TAKEN = Answer(status=204)
URL = "https://crm.example/hooks"


class Receivers:
    """Answers as ``behave`` says, and remembers what it took."""

    def __init__(self, clock: ManualClock) -> None:
        self.behave: Callable[[Message], Answer] = lambda _message: Answer(status=204)
        self.slow: Callable[[Message], float] = lambda _message: 0.0
        self.asked: list[tuple[float, Message]] = []
        self.taken: list[Message] = []
        self.most_at_once = 0
        self._at_once = 0
        self._clock = clock

    def check(self, url: str) -> None:
        """Take any address."""

    async def send(self, message: Message) -> Answer:
        self.asked.append((self._clock.monotonic(), message))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._clock.sleep(self.slow(message))
        finally:
            self._at_once -= 1
        answer = self.behave(message)
        if answer.taken:
            self.taken.append(message)
        return answer

    def names(self) -> list[str]:
        """Return the ids of what was taken, in order."""
        return [one.headers["webhook-id"] for one in self.taken]

    def tries(self) -> list[str]:
        """Return the ids of what was sent, in order."""
        return [one.headers["webhook-id"] for _, one in self.asked]


@dataclass(kw_only=True)
class Rig:
    """Everything a test wants to hold in its hands."""

    store: Store
    clock: ManualClock
    receivers: Receivers
    notices: Notices
    task: asyncio.Task[None] = field(repr=False)

    async def hook(self, url: str = URL, events: Sequence[str] = ()) -> Webhook:
        """Make a webhook."""
        return await self.notices.hooks.create(url=url, events=events)

    async def deliveries(self, webhook: Webhook) -> list[Delivery]:
        """Return what is kept of a webhook's messages, oldest first."""
        return (await self.store.deliveries(webhook.id, limit=1000))[::-1]

    async def now_as(self, webhook: Webhook) -> Webhook:
        """Return the webhook as it is kept now."""
        return await self.notices.hooks.one(webhook.id)


async def store_with(*callbacks: str) -> MemoryStore:
    """Return an open store with these callbacks and an empty journal."""
    store = MemoryStore()
    await store.open()
    for n, name in enumerate(callbacks):
        contact = a_contact(f"{NUMBER[:-2]}{n:02}", id=f"contact-{name}")
        await store.add([entry(a_callback(id=name, contact_id=contact.id), contact=contact)])
    return store


def place(message: Message) -> int:
    """Return the place in the journal that a message is about."""
    return int(json.loads(message.body)["data"]["place"])


async def tell(store: Store, callback_id: str, kind: str, clock: ManualClock) -> None:
    """Write one line into the journal."""
    step = Step(callback_id=callback_id, at=clock.now(), kind=kind, text=kind)
    await store.submit(Change(at=clock.now(), steps=(step,)))


@asynccontextmanager
async def notices_of(
    store: Store,
    *,
    clock: ManualClock | None = None,
    receivers: Receivers | None = None,
    spec: NotifySpec | None = None,
    chance: float = 0.0,
    look_every: float = 86400.0,
) -> AsyncIterator[Rig]:
    """Run webhooks and streams over an open store until the end; then it is as if killed."""
    clock = clock or ManualClock()
    receivers = receivers or Receivers(clock)
    drawn = iter(range(1, 1_000_000))
    notices = connect_notices(
        store=store,
        clock=clock,
        messenger=receivers,
        chance=lambda: chance,
        random_bytes=lambda count: next(drawn).to_bytes(count, "big"),
        spec=replace(spec or NotifySpec(), look_every=look_every),
        look_every=look_every,
    )
    task = asyncio.create_task(notices.run())
    try:
        await clock.settle()
        yield Rig(store=store, clock=clock, receivers=receivers, notices=notices, task=task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
