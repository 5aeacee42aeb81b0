"""From settings to what tells others: webhooks and the stream."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.http import HttpMessenger, Limits
from adapters.system import SystemClock
from config.settings import Settings
from gateway.app.notices import Notices, connect_notices
from gateway.app.notify import NotifySpec
from gateway.ports import Store

__all__ = ["telling"]

# A call makes a dozen lines of the journal; who is told can wait so long for them, in seconds.
_TOGETHER = 0.1


@asynccontextmanager
async def telling(settings: Settings, store: Store) -> AsyncIterator[Notices]:
    """Tell others what happens while inside; a defect in it ends what is inside.

    At the end everybody who follows is let go, and what is being sent is cut off: it is sent
    again at the next start, under the same name.
    """
    wanted = settings.webhooks
    limits = Limits(
        timeout=wanted.timeout,
        allow_http=wanted.allow_http,
        allow_private=wanted.allow_private,
        proxy=wanted.proxy.get_secret_value() if wanted.proxy else None,
        cafile=wanted.cafile,
    )
    async with HttpMessenger(limits) as messenger:
        notices = connect_notices(
            store=store,
            clock=SystemClock(),
            messenger=messenger,
            chance=random.random,
            random_bytes=secrets.token_bytes,
            spec=NotifySpec(max_tries=wanted.max_tries, in_flight=wanted.in_flight),
            streams=wanted.streams,
            together=_TOGETHER,
            sends=wanted.node in {None, settings.dispatch.node},
        )
        failure: BaseException | None = None
        async with asyncio.TaskGroup() as group:
            task = group.create_task(notices.run(), name="notices")
            try:
                yield notices
            except BaseException as error:  # noqa: BLE001 -- raised below, but not as a group
                failure = error
            task.cancel()
        if failure is not None:
            raise failure
