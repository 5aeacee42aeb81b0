"""Everything that tells others what happens, as one part: webhooks and streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from gateway.app.notify import Notifier, NotifySpec
from gateway.app.tail import JournalTail
from gateway.app.webhooks import Webhooks
from gateway.ports import Clock, Messenger, Store

__all__ = ["Notices", "connect_notices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What the API works with, and the tasks behind it. ``notifier`` None: another node sends."""

    hooks: Webhooks
    tail: JournalTail
    notifier: Notifier | None

    async def run(self) -> None:
        """Follow the journal and send until canceled. Cancelable at any await."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.tail.run(), name="journal")
            if self.notifier is not None:
                group.create_task(self.notifier.run(), name="webhooks")


def connect_notices(  # noqa: PLR0913 -- collaborators by keyword, built in one place
    *,
    store: Store,
    clock: Clock,
    messenger: Messenger,
    chance: Callable[[], float],
    random_bytes: Callable[[int], bytes],
    spec: NotifySpec,
    streams: int = 100,
    sends: bool = True,
    look_every: float = 5.0,
    together: float = 0.0,
) -> Notices:
    """Build the parts and let each wake the next: store, tail, notifier."""
    tail = JournalTail(
        store=store, clock=clock, followers=streams, look_every=look_every, together=together
    )
    hooks = Webhooks(store=store, clock=clock, check=messenger.check, chance=random_bytes)
    store.on_journal = tail.poke
    notifier = None
    if sends:
        notifier = Notifier(
            store=store,
            clock=clock,
            tail=tail,
            hooks=hooks,
            messenger=messenger,
            chance=chance,
            spec=spec,
        )
        tail.on_news = notifier.wake
        hooks.on_change = notifier.look
    return Notices(hooks=hooks, tail=tail, notifier=notifier)
