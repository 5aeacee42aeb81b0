"""Waiting that can be cut short."""

from __future__ import annotations

import asyncio

from gateway.ports import Clock

__all__ = ["sleep_until_woken"]


async def sleep_until_woken(wake: asyncio.Event, clock: Clock, seconds: float) -> None:
    """Sleep this long or until ``wake`` is set. Cancelable; leaves no task behind."""
    async with asyncio.TaskGroup() as group:
        waiter = group.create_task(wake.wait())
        sleeper = group.create_task(clock.sleep(seconds))
        await asyncio.wait({waiter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        sleeper.cancel()
