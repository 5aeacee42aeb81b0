"""The session under everything that can happen to it.

Numbers are rows of the defect table of decision 0030: what stock panoramisk does wrong there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import pytest
import structlog

from gateway.domain.errors import DialError, LoginRefused, NotSent, OutcomeUnknown
from tests.support.fake_ami import (
    FakeAmi,
    event,
    fail,
    message,
    silence,
)
from tests.support.link_rig import ORDER, SECRET, Rig, running


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as fake:
        yield fake


@pytest.fixture
async def rig(ami: FakeAmi) -> AsyncIterator[Rig]:
    async with running(Rig(ami)) as rig:
        await rig.up()
        yield rig


class BrokenTransport:
    """Takes nothing; panoramisk logs the whole action then."""

    def is_closing(self) -> bool:
        return False

    def write(self, _: bytes) -> None:
        raise ValueError

    def abort(self) -> None:
        pass

    close = abort


async def test_a_write_that_fails_is_not_logged_with_what_was_to_be_written(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Defect 29."""
    caplog.set_level(logging.DEBUG)
    protocol = rig.link._protocol
    assert protocol
    transport, protocol.transport = protocol.transport, BrokenTransport()
    with pytest.raises(OutcomeUnknown):
        await rig.link.request(ORDER, timeout=0.02)
    protocol.transport = transport
    assert "358401234567" not in caplog.text


async def test_is_up_without_fully_booted(rig: Rig) -> None:
    """Defect 4: a user without read=system never hears FullyBooted."""
    assert rig.events() == []
    assert rig.link.up


async def test_a_mute_server_does_not_hold_the_login(ami: FakeAmi) -> None:
    """Defect 6: no answer to the login is a failure, not a wait for ever."""
    ami.on["Login"] = silence
    rig = Rig(ami)
    async with running(rig):
        await rig.until(lambda: "no answer to the login" in rig.link.reason)
        del ami.on["Login"]
        await rig.up()


async def test_a_message_that_cannot_be_handled_costs_only_itself(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Defect 14: an exception in a handler closed the connection and lost the rest."""
    with structlog.testing.capture_logs() as logs:
        rig.ami.live.send(event("A") + event("Bad") + event("B"))
        await rig.until(lambda: len(rig.events()) == 3)
    assert rig.events() == [b"A", b"Bad", b"B"]
    assert rig.link.up
    assert "358" not in str(logs) + caplog.text


async def test_headers_twice_do_not_end_the_link(rig: Rig) -> None:
    """Defect 15."""
    rig.ami.live.send(message("Event: A", "Event: A", "Message: x", "Message: y"))
    rig.ami.live.send(message("Response: Success", "Message: x", "Message: y"))
    rig.ami.live.send(event("B"))
    await rig.until(lambda: len(rig.events()) == 2)
    assert rig.link.up


async def test_events_are_handled_in_order(rig: Rig) -> None:
    """Defect 16: one after the other, in the order of the wire, however they are cut."""
    data = b"".join(event("A" if n % 2 else "B", N=str(n)) for n in range(200))
    for start in range(0, len(data), 37):
        rig.ami.live.send(data[start : start + 37])
    await rig.until(lambda: len(rig.events()) == 200)
    assert [packet.get(b"N") for packet in rig.packets if packet.is_event] == [
        str(n) for n in range(200)
    ]


async def test_a_wrong_password_is_tried_once(ami: FakeAmi) -> None:
    """Defect 22: no endless retries that flood the log and get us banned."""
    ami.on["Login"] = fail("Authentication failed")
    rig = Rig(ami)
    with pytest.raises(LoginRefused, match="Authentication failed"):
        await rig.link.run()
    assert len(ami.named("Login")) == 1
    assert rig.said == []


async def test_a_login_in_use_is_tried_again(ami: FakeAmi) -> None:
    """Defect 22: our own half-dead session will time out."""
    ami.on["Login"] = fail("Login Already In Use")
    rig = Rig(ami)
    async with running(rig):
        await rig.until(lambda: "already in use" in rig.link.reason)
        del ami.on["Login"]
        await rig.up()


async def test_is_not_up_while_the_link_is_away(rig: Rig) -> None:
    """Defect 22: stock stays "authenticated" during an outage."""
    rig.ami.drop()
    await rig.until(lambda: len(rig.said) == 2)
    assert not rig.link.up
    assert rig.said[1].startswith("down: ")


async def test_pauses_come_from_the_policy_and_the_cause_is_told(ami: FakeAmi) -> None:
    """Defects 23 and 24: one connection at a time, paused by the policy, and the reason known."""
    await ami.stop()
    rig = Rig(ami)
    async with running(rig):
        await rig.until(lambda: "refused" in rig.link.reason.lower())
        assert rig.waits == 1
        await rig.clock.advance(1.0)
        await rig.until(lambda: rig.waits == 2)
        await ami.listen()
        await rig.up()
    assert len(ami.sessions) == 1


async def test_nothing_connects_after_the_end(ami: FakeAmi) -> None:
    """Defect 25: no timer of panoramisk's is left behind."""
    rig = Rig(ami)
    async with running(rig):
        await rig.up()
    await ami.until(lambda: ami.live.closed)
    await rig.clock.advance(100.0)
    with pytest.raises(NotSent):
        await rig.link.request(ORDER, timeout=1)
    assert len(ami.sessions) == 1
    timers = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    assert not [timer for timer in timers if not timer.cancelled() and "ping" in repr(timer)]


async def test_a_host_name_that_is_none_is_a_failure_like_others(ami: FakeAmi) -> None:
    """Defect 26: an error that is no OSError ended the retries for ever."""
    rig = Rig(ami, host="127.0.0.1\0")
    async with running(rig):
        await rig.until(lambda: rig.waits == 1)
        assert "Error" in rig.link.reason
        await rig.clock.advance(1.0)
        await rig.until(lambda: rig.waits == 2)


async def test_an_unanswered_ping_ends_the_session(rig: Rig) -> None:
    """Defect 27: a half-open link must not look connected."""
    rig.ami.on["Ping"] = silence
    await rig.clock.advance(7.0)
    await rig.ami.received("Ping")
    await rig.until(lambda: len(rig.said) == 2)
    assert rig.said[1] == "down: Asterisk did not answer a ping"
    del rig.ami.on["Ping"]
    await rig.up(2)


async def test_answered_pings_keep_it(rig: Rig) -> None:
    for count in range(1, 4):
        await rig.clock.advance(7.0)
        await rig.ami.received("Ping", count)
        await rig.until(lambda: rig.pending == 0)
    assert rig.said == ["up"]


async def test_an_endless_message_ends_the_session(rig: Rig) -> None:
    """Defect 28."""
    for _ in range(20):
        rig.ami.live.send(b"x" * 60_000)
    await rig.until(lambda: len(rig.said) == 2)
    assert "bytes" in rig.said[1]


async def test_logs_hold_neither_secret_nor_number(
    ami: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    """Defect 29: whole actions were logged, queued or unsendable ones above all."""
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        rig = Rig(ami)
        async with running(rig):
            await rig.up()
            ami.on["Originate"] = lambda action: action.session.transport.abort()
            with contextlib.suppress(DialError):
                await rig.link.request(ORDER, timeout=1)
            await rig.up(2)
            protocol = rig.link._protocol
            assert protocol
            protocol.transport.abort()
            with contextlib.suppress(DialError):
                await rig.link.request(ORDER, timeout=1)
    said = caplog.text + str(logs) + repr(rig.link.__dict__)
    assert SECRET not in said
    assert "358401234567" not in said


def test_can_be_built_before_the_loop_runs() -> None:
    """Defect 34: panoramisk's objects are made inside the loop only."""
    Rig(FakeAmi())


async def test_what_was_not_sent_is_not_sent_by_the_kernel_either(rig: Rig) -> None:
    """A killed gateway: closing resets the connection instead of delivering what is buffered."""
    protocol = rig.link._protocol
    assert protocol
    sock = protocol.transport.get_extra_info("socket")
    linger = sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
    assert linger == b"\x01\0\0\0\0\0\0\0"
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
