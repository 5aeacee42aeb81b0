"""An Asterisk that is still starting gets no orders: it has no dialplan yet."""

from __future__ import annotations

import asyncio
from typing import Any

from adapters.asterisk import AsteriskDialer
from adapters.memory import ManualClock
from tests.support.fake_ami import FakeAmi, event
from tests.support.link_rig import settings_for


async def _up_after(fake: FakeAmi, *, says_so: bool, **changes: Any) -> bool:
    """Log in, let Asterisk say that it has booted or not, and tell whether the link came up."""
    settings = settings_for(fake, **changes)
    dialer = AsteriskDialer(settings, clock=ManualClock(), delays=lambda: iter([1.0]))
    running = asyncio.create_task(dialer.run())
    try:
        async with asyncio.timeout(5):
            while not fake.named("CoreSettings"):
                fake.changed.clear()
                await fake.changed.wait()
        assert not dialer.status().up
        if says_so:
            fake.live.send(event("FullyBooted"))
        async with asyncio.timeout(0.5):
            return bool(await anext(dialer.events()))
    except TimeoutError:
        return False
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_link_is_up_once_asterisk_says_that_it_has_booted() -> None:
    async with FakeAmi() as fake:
        assert await _up_after(fake, says_so=True, boot_wait=60.0)


async def test_it_is_not_up_before() -> None:
    async with FakeAmi() as fake:
        assert not await _up_after(fake, says_so=False, boot_wait=60.0)


async def test_a_user_who_may_not_hear_it_waits_a_bounded_time() -> None:
    async with FakeAmi() as fake:
        assert await _up_after(fake, says_so=False, boot_wait=0.05)
