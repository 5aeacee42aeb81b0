"""One action and its answer, whatever the other side does.

Numbers are rows of the defect table of decision 0030: what stock panoramisk does wrong there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.domain.errors import NotSent, OutcomeUnknown, Refused
from tests.support.fake_ami import (
    END,
    Action,
    Answer,
    FakeAmi,
    event,
    fail,
    listing,
    silence,
    succeed,
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


async def test_logs_in_and_answers(rig: Rig) -> None:
    (login,) = rig.ami.named("Login")
    assert (login.get("Username"), login.get("Secret")) == ("kairos", SECRET)
    assert rig.link.up
    assert (await rig.link.request({"Action": "Ping"}, timeout=1)).name == b"Success"
    assert rig.pending == 0


@pytest.mark.parametrize(
    "headers",
    [
        {**ORDER, "CallerID": "hi\r\n\r\nAction: Command\r\nCommand: core stop now"},
        {**ORDER, "Variable": ["A=1", "B=2\nAction: Logoff"]},
        {**ORDER, "Exten": "1\0"},
        {**ORDER, "Application": "System"},
        {**ORDER, "Context": "x" * 1000},
        {**ORDER, "CallerID": "\udc80"},
    ],
)
async def test_unsafe_headers_never_reach_the_wire(rig: Rig, headers: dict[str, str]) -> None:
    """Defects 1 and 29."""
    before = len(rig.ami.actions)
    with pytest.raises(Refused):
        await rig.link.request(headers, timeout=0.1)
    await rig.link.request({"Action": "Ping"}, timeout=1)
    assert [action.name for action in rig.ami.actions[before:]] == ["Ping"]


async def test_an_order_is_not_sent_again_after_a_reconnect(rig: Rig) -> None:
    """Defects 2 and 5: an unanswered order fails when the link does, and is never re-sent."""
    rig.ami.on["Originate"] = lambda action: action.session.transport.abort()
    with pytest.raises(OutcomeUnknown, match="was written, then"):
        await rig.link.request(ORDER, timeout=5)
    await rig.up(2)
    rig.ami.live.send(event("FullyBooted"))
    await rig.link.request({"Action": "Ping"}, timeout=1)
    assert len(rig.ami.named("Originate")) == 1


async def test_nothing_is_sent_later_that_could_not_be_sent_now(rig: Rig) -> None:
    """Defects 3 and 33: an order while offline is refused and forgotten."""
    await rig.ami.stop()
    await rig.until(lambda: not rig.link.up)
    with pytest.raises(NotSent):
        await rig.link.request(ORDER, timeout=1)
    await rig.ami.listen()
    await rig.up(2)
    rig.ami.live.send(event("FullyBooted"))
    await rig.link.request({"Action": "Ping"}, timeout=1)
    assert rig.ami.named("Originate") == []


async def test_nothing_is_sent_before_the_login_is_answered(ami: FakeAmi) -> None:
    """Defect 33: and no attribute error either."""
    rig = Rig(ami)
    with pytest.raises(NotSent):
        await rig.link.request(ORDER, timeout=1)
    ami.on["Login"] = silence
    async with running(rig):
        await ami.received("Login")
        assert not rig.link.up
        with pytest.raises(NotSent):
            await rig.link.request(ORDER, timeout=1)
    assert ami.named("Originate") == []


async def test_half_a_list_fails_when_the_link_does(rig: Rig) -> None:
    """Defect 5: an action with some replies must not stay pending for ever."""

    def half(action: Action) -> bytes:
        return succeed(rig.ami.actions[-1], "EventList: start") + event("CoreShowChannel")

    rig.ami.on["CoreShowChannels"] = half
    asked = asyncio.ensure_future(rig.link.request_list({"Action": "CoreShowChannels"}, timeout=5))
    await rig.ami.received("CoreShowChannels")
    await rig.until(lambda: len(rig.packets) > 0)
    rig.ami.drop()
    with pytest.raises(OutcomeUnknown, match="was written, then"):
        await asked


async def test_a_mute_server_does_not_hold_an_action_nor_leak_it(rig: Rig) -> None:
    """Defects 6 and 7: the wait ends, and the table is empty, late answer or not."""
    rig.ami.on["Originate"] = silence
    with pytest.raises(OutcomeUnknown):
        await rig.link.request(ORDER, timeout=0.02)
    assert rig.pending == 0
    rig.ami.live.send(succeed(rig.ami.named("Originate")[0]))
    await rig.link.request({"Action": "Ping"}, timeout=1)
    assert rig.pending == 0


@pytest.mark.parametrize("mode", ["true", "True", "no", None])
async def test_the_answer_to_an_order_is_one_message(rig: Rig, mode: str | None) -> None:
    """Defects 8, 9, 10: whatever Async says, the ack is the answer and the result an event."""
    rig.ami.on["Originate"] = lambda a: succeed(a, "Message: Originate successfully queued")
    headers = {key: value for key, value in ORDER.items() if key != "Async"}
    answer = await rig.link.request({**headers, **({"Async": mode} if mode else {})}, timeout=1)
    assert answer.get(b"Message") == "Originate successfully queued"
    sent = rig.ami.named("Originate")[0].get("ActionID")
    rig.ami.live.send(event("OriginateResponse", ActionID=sent, Response="Failure", Reason="0"))
    await rig.until(rig.events)
    assert rig.packets[-1].get(b"Response") == "Failure"


async def test_an_event_with_an_order_s_id_is_not_its_answer(rig: Rig) -> None:
    """Defect 10: the result may not stand in for the ack."""

    def both(action: Action) -> bytes:
        sent = rig.ami.actions[-1]
        result = event("OriginateResponse", ActionID=sent.get("ActionID"), Response="Failure")
        return result + succeed(sent)

    rig.ami.on["Originate"] = both
    answer = await rig.link.request(ORDER, timeout=1)
    assert not answer.is_event
    assert b"OriginateResponse" in rig.events()


async def test_queue_add_is_answered(rig: Rig) -> None:
    """Defect 11: its success has no list, whatever the message sounds like."""
    rig.ami.on["Ping"] = lambda a: succeed(a, "Message: Added interface to queue")
    answer = await rig.link.request({"Action": "Ping"}, timeout=1)
    assert answer.get(b"Message").startswith("Added")


@pytest.mark.parametrize("answer", [succeed, lambda a: succeed(a, "EventList: maybe")])
async def test_a_list_that_is_none_is_over(rig: Rig, answer: Answer) -> None:
    """Defect 12: asking for a list and getting one message must not hang."""
    rig.ami.on["CoreShowChannels"] = answer
    packets = await rig.link.request_list({"Action": "CoreShowChannels"}, timeout=1)
    assert len(packets) == 1


async def test_a_list_that_is_refused(rig: Rig) -> None:
    """Defect 12: an error is an error."""
    rig.ami.on["CoreShowChannels"] = fail("Permission denied")
    with pytest.raises(Refused, match="Permission denied"):
        await rig.link.request_list({"Action": "CoreShowChannels"}, timeout=1)


@pytest.mark.parametrize("mark", ["Complete", "cancelled"])
async def test_a_list_ends_by_its_mark(rig: Rig, mark: str) -> None:
    """Defect 13: not by what the event happens to be called."""

    def answer(action: Action) -> bytes:
        sent = rig.ami.actions[-1]
        item = event("CoreShowChannel", ActionID=sent.get("ActionID"), Uniqueid="1")
        end = event("CoreShowChannel", ActionID=sent.get("ActionID"), EventList=mark)
        return succeed(sent, "EventList: start") + item + end

    rig.ami.on["CoreShowChannels"] = answer
    packets = await rig.link.request_list({"Action": "CoreShowChannels"}, timeout=1)
    assert len(packets) == 3
    assert rig.events() == []


async def test_no_order_into_a_full_pipe(rig: Rig) -> None:
    """Defect 28: no write flow control."""
    protocol = rig.link._protocol
    assert protocol
    protocol.pause_writing()
    with pytest.raises(NotSent):
        await rig.link.request(ORDER, timeout=1)
    protocol.resume_writing()
    await rig.link.request(ORDER, timeout=1)
    assert len(rig.ami.named("Originate")) == 1


async def test_every_action_has_an_id_of_its_own(rig: Rig) -> None:
    """Defect 30: ids from a counter are shared by forked processes."""
    for _ in range(3):
        await rig.link.request(ORDER, timeout=1)
    ids = {action.get("ActionID") for action in rig.ami.actions}
    assert len(ids) == len(rig.ami.actions)
    assert all(len(one) == 36 and "/" not in one for one in ids)


async def test_the_caller_s_headers_stay_as_they_are(rig: Rig) -> None:
    """Defect 33: send_action wrote into the caller's dict."""
    headers = dict(ORDER)
    await rig.link.request(headers, timeout=1)
    assert headers == ORDER


async def test_a_cancelled_wait_leaves_nothing_behind(rig: Rig) -> None:
    rig.ami.on["Originate"] = silence
    asked = asyncio.ensure_future(rig.link.request(ORDER, timeout=5))
    await rig.ami.received("Originate")
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert rig.pending == 0


async def test_a_list_is_read_whole(rig: Rig) -> None:
    rig.ami.on["CoreShowChannels"] = listing(
        *(event("CoreShowChannel", Uniqueid=str(n)) for n in range(500))
    )
    packets = await rig.link.request_list({"Action": "CoreShowChannels"}, timeout=1)
    assert [packet.get(b"Uniqueid") for packet in packets[1:-1]] == [str(n) for n in range(500)]


def test_the_fake_ends_messages_as_asterisk_does() -> None:
    assert event("A").endswith(END)
