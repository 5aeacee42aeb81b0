"""Waiting on the injected clock, cut short by what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from gateway.ports import Clock

__all__ = ["sleep_until_woken", "within"]


async def within(clock: Clock, seconds: float, wanted: Coroutine[Any, Any, object]) -> bool:
    """Run ``wanted`` for at most this long and tell whether it came to its end.

    Cancels it when time is up; its errors are raised. Cancelable; leaves no task behind.
    """
    async with asyncio.TaskGroup() as group:
        work = group.create_task(wanted)
        timer = group.create_task(clock.sleep(seconds))
        await asyncio.wait({work, timer}, return_when=asyncio.FIRST_COMPLETED)
        done = work.done()
        work.cancel()
        timer.cancel()
    return done


async def sleep_until_woken(wake: asyncio.Event, clock: Clock, seconds: float) -> None:
    """Sleep this long or until ``wake`` is set. Cancelable; leaves no task behind."""
    await within(clock, seconds, wake.wait())
