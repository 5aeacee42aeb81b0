"""No orders to an Asterisk that is still starting and has no dialplan, or that will refuse them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.asterisk import AsteriskDialer
from adapters.memory import ManualClock
from gateway.domain.errors import LoginRefused
from tests.support.fake_ami import FakeAmi, event, succeed
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


@pytest.mark.parametrize(
    ("may", "missing"),
    [
        (("Ping", "Hangup", "CoreShowChannels"), "originate"),
        (("Ping", "Originate", "CoreShowChannels"), "call"),
        (("Ping", "Originate", "Hangup"), "reporting"),
    ],
)
async def test_missing_rights_are_told_before_any_order(may: tuple[str, ...], missing: str) -> None:
    async with FakeAmi() as fake:
        fake.on["ListCommands"] = lambda a: succeed(a, *(f"{one}: Does it." for one in may))
        settings = settings_for(fake)
        dialer = AsteriskDialer(settings, clock=ManualClock(), delays=lambda: iter([1.0]))
        with pytest.raises(LoginRefused, match=f"write={missing}"):
            await dialer.run()
