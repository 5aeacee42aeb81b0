"""Webhooks over real connections: trusted receivers, bad ones, and addresses that are traps."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from adapters.http import HttpMessenger, Limits
from adapters.system import SystemClock
from gateway.app.notices import connect_notices
from gateway.app.notify import NotifySpec
from gateway.domain.change import NewCallback
from gateway.domain.model import Step
from gateway.domain.signing import newest
from gateway.ports import Message, Store
from tests.support.builders import NOW, a_callback
from tests.support.stores import entry
from tests.support.tls import certificate

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LOCAL = Limits(timeout=2.0, allow_http=True, allow_private=True)


@asynccontextmanager
async def receiver(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve one handler on a free port."""

    async def serve(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """Serve bytes as they are."""
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        tasks = [task for task in serving if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def message(url: str) -> Message:
    return Message(url=url, headers={"webhook-id": "m1"}, body=b'{"a":"\xc3\xa4"}')


async def says(status: int, **headers: str) -> Handler:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=headers)

    return handler


async def test_the_bytes_arrive_as_they_are_with_nothing_of_ours_beside_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[bytes, dict[str, str]]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((await request.read(), {k.lower(): v for k, v in request.headers.items()}))
        return web.Response(status=200, headers={"Set-Cookie": "a=1"})

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with receiver(handler) as port, HttpMessenger(LOCAL) as messenger:
        for _ in range(2):
            assert (await messenger.send(message(f"http://127.0.0.1:{port}/"))).taken
    assert [body for body, _ in seen] == [b'{"a":"\xc3\xa4"}'] * 2
    assert seen[1][1]["webhook-id"] == "m1"
    assert "cookie" not in seen[1][1]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_any_status_of_the_two_hundreds_means_that_it_was_taken(status: int) -> None:
    async with receiver(await says(status)) as port, HttpMessenger(LOCAL) as messenger:
        assert (await messenger.send(message(f"http://127.0.0.1:{port}/"))).taken


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 500])
async def test_any_other_status_is_a_failure_with_its_number(status: int) -> None:
    async with receiver(await says(status)) as port, HttpMessenger(LOCAL) as messenger:
        answer = await messenger.send(message(f"http://127.0.0.1:{port}/"))
    assert (answer.taken, answer.status) == (False, status)
    assert str(status) in answer.error


async def test_a_redirect_is_not_followed() -> None:
    visited: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        visited.append(request.path)
        return web.Response(status=302, headers={"Location": "/inner"})

    async with receiver(handler) as port, HttpMessenger(LOCAL) as messenger:
        answer = await messenger.send(message(f"http://127.0.0.1:{port}/hook"))
    assert visited == ["/hook"]
    assert "redirects are not followed" in answer.error


@pytest.mark.parametrize(("hours", "low", "high"), [(None, 120, 120), (1, 3500, 3600), (-1, 0, 0)])
async def test_the_wait_that_a_receiver_asks_for_is_read(
    hours: int | None, low: float, high: float
) -> None:
    value = "120"
    if hours is not None:
        value = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    handler = await says(503, **{"Retry-After": value})
    async with receiver(handler) as port, HttpMessenger(LOCAL) as messenger:
        answer = await messenger.send(message(f"http://127.0.0.1:{port}/"))
    assert answer.retry_after is not None
    assert low <= answer.retry_after <= high


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e9"])
async def test_a_wait_that_cannot_be_read_is_none(value: str) -> None:
    handler = await says(503, **{"Retry-After": value})
    async with receiver(handler) as port, HttpMessenger(LOCAL) as messenger:
        answer = await messenger.send(message(f"http://127.0.0.1:{port}/"))
    assert answer.retry_after is None


async def test_a_receiver_that_hangs_costs_the_time_limit_and_no_more() -> None:
    async def hangs(_writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    limits = Limits(timeout=0.5, allow_http=True, allow_private=True)
    async with raw(hangs) as port, HttpMessenger(limits) as messenger:
        began = asyncio.get_running_loop().time()
        answer = await messenger.send(message(f"http://127.0.0.1:{port}/"))
        took = asyncio.get_running_loop().time() - began
    assert answer.error == "no answer within 0.5 s"
    assert took < 1.5


async def test_a_gigabyte_is_cut_off_and_the_status_counts() -> None:
    sent = 0

    async def floods(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        while sent < 1 << 30:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with raw(floods) as port, HttpMessenger(LOCAL) as messenger:
        answer = await messenger.send(message(f"http://127.0.0.1:{port}/"))
    assert answer.taken
    assert sent < 16 << 20


async def test_a_body_that_drips_does_not_take_back_that_it_was_taken() -> None:
    async def drips(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(30):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    async with raw(drips) as port, HttpMessenger(LOCAL) as messenger:
        assert (await messenger.send(message(f"http://127.0.0.1:{port}/"))).taken


@pytest.mark.parametrize(
    ("bytes_", "words"),
    [
        (b"", "it hung up without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "its answer is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "its answer is no HTTP"),
    ],
)
async def test_what_is_no_answer_is_told_in_words(bytes_: bytes, words: str) -> None:
    async def answers(writer: asyncio.StreamWriter) -> None:
        writer.write(bytes_)
        await writer.drain()

    async with raw(answers) as port, HttpMessenger(LOCAL) as messenger:
        answer = await messenger.send(message(f"http://127.0.0.1:{port}/secret-path"))
    assert (answer.status, answer.error) == (None, words)


async def test_a_port_where_nobody_listens_is_told_in_words() -> None:
    async with raw(lambda _writer: asyncio.sleep(0)) as port:
        pass
    async with HttpMessenger(LOCAL) as messenger:
        answer = await messenger.send(message(f"http://127.0.0.1:{port}/"))
    assert answer.error == "no connection could be made"


async def test_a_certificate_that_is_not_trusted_is_refused_and_one_that_is_set_is_taken(
    tmp_path: Path,
) -> None:
    files = certificate(tmp_path, "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    trusting = Limits(timeout=2.0, allow_private=True, cafile=files.cert)
    async with receiver(await says(204), context) as port:
        url = f"https://localhost:{port}/"
        async with HttpMessenger(Limits(timeout=2.0, allow_private=True)) as messenger:
            refused = await messenger.send(message(url))
        async with HttpMessenger(trusting) as messenger:
            taken = await messenger.send(message(url))
            other = await messenger.send(message(f"https://127.0.0.1:{port}/"))
    assert refused.error == "its certificate cannot be trusted"
    assert taken.taken
    assert other.error == "its certificate cannot be trusted"


class Traps:
    """A receiver inside the network that must never be asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, _request: web.Request) -> web.StreamResponse:
        self.asked += 1
        return web.Response()


@pytest.mark.parametrize(
    "answers",
    [
        [["127.0.0.1"]],
        [["93.184.215.14", "127.0.0.1"]],
        [["::ffff:127.0.0.1"]],
        [["169.254.169.254"]],
        [[]],
    ],
)
async def test_a_name_that_leads_inside_is_not_connected_to(answers: list[list[str]]) -> None:
    trap = Traps()
    limits = Limits(timeout=2.0, allow_http=True)
    messenger = HttpMessenger(limits, lookup=lambda _host, _port: answers[0])
    async with receiver(trap) as port, messenger:
        answer = await messenger.send(message(f"http://crm.example:{port}/"))
    assert trap.asked == 0
    assert answer.status is None
    assert "private network" in answer.error or "name was not found" in answer.error


async def test_a_name_that_changes_its_answer_is_judged_by_the_one_that_is_used() -> None:
    trap, looked = Traps(), 0

    def rebinds(_host: str, _port: int) -> list[str]:
        nonlocal looked
        looked += 1
        return ["93.184.215.14"] if looked == 1 else ["127.0.0.1"]

    assert rebinds("crm.example", 80) == ["93.184.215.14"]  # whoever looks first sees no harm
    limits = Limits(timeout=2.0, allow_http=True)
    async with receiver(trap) as port, HttpMessenger(limits, lookup=rebinds) as messenger:
        messenger.check(f"http://crm.example:{port}/")
        answer = await messenger.send(message(f"http://crm.example:{port}/"))
    assert answer.error == "the name leads into a private network"
    assert (trap.asked, looked) == (0, 2)


async def test_the_name_is_looked_up_once_for_each_message() -> None:
    looked: list[str] = []

    def look_up(host: str, _port: int) -> list[str]:
        looked.append(host)
        return ["127.0.0.1"]

    async with receiver(await says(204)) as port, HttpMessenger(LOCAL, lookup=look_up) as messenger:
        for _ in range(2):
            assert (await messenger.send(message(f"http://crm.example:{port}/"))).taken
    assert looked == ["crm.example", "crm.example"]


async def test_an_address_in_the_url_is_refused_even_if_the_check_were_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trap = Traps()
    async with receiver(trap) as port, HttpMessenger(Limits(allow_http=True)) as messenger:
        monkeypatch.setattr(messenger, "check", lambda _url: None)
        answer = await messenger.send(message(f"http://127.0.0.1:{port}/"))
    assert answer.error == "the address is in a private network"
    assert trap.asked == 0


async def test_a_message_from_the_journal_is_verified_by_the_reference_library(
    store: Store,
) -> None:
    told: list[object] = []
    first = asyncio.Event()
    secrets: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        told.append(Webhook(secrets[0]).verify(body, dict(request.headers)))
        first.set()
        return web.Response(status=204)

    async with receiver(handler) as port, HttpMessenger(LOCAL) as messenger:
        notices = connect_notices(
            store=store,
            clock=SystemClock(),
            messenger=messenger,
            chance=lambda: 0.0,
            random_bytes=lambda count: b"k" * count,
            spec=NotifySpec(),
        )
        task = asyncio.create_task(notices.run())
        await asyncio.sleep(0.1)
        hook = await notices.hooks.create(url=f"http://127.0.0.1:{port}/")
        secrets.append(newest(hook.secret))
        await store.add([entry_with_step()])
        async with asyncio.timeout(5):
            await first.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    [event] = told
    assert isinstance(event, dict)
    assert event["type"] == "callback.requested"
    assert event["data"]["callback_id"] == "callback-1"


def entry_with_step() -> NewCallback:
    callback = a_callback()
    step = Step(callback_id=callback.id, at=NOW, kind="requested", text="so")
    return replace(entry(callback), steps=(step,))
