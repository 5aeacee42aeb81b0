"""The port itself, for real: slow clients, too many clients, what is no HTTP."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psutil
import pytest

from config.api import Api
from gateway.web.api.listen import listen
from tests.support.api import ApiRig, api_rig

_HEAD = b"GET /v1/counts HTTP/1.1\r\nHost: x\r\n"
_FULL = "POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@asynccontextmanager
async def connected(rig: ApiRig, count: int = 1) -> AsyncIterator[list[_Pipe]]:
    """Raw connections to the API."""
    port = int(rig.listening.url.rpartition(":")[2])
    pipes = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    try:
        yield pipes
    finally:
        for _, writer in pipes:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in pipes), return_exceptions=True)


_Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def rest(pipe: _Pipe, within: float = 5.0) -> bytes:
    """Everything until the other end closes."""
    try:
        return await asyncio.wait_for(pipe[0].read(), within)
    except ConnectionError:
        return b""


async def trickle(pipe: _Pipe, data: bytes) -> None:
    """Send byte for byte."""
    for byte in data:
        pipe[1].write(bytes([byte]))
        await pipe[1].drain()
        await asyncio.sleep(0.02)


async def eventually(what: Callable[[], bool], within: float = 5.0) -> None:
    """Wait until it is so."""
    until = time.perf_counter() + within
    while time.perf_counter() < until:
        if what():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to be so")


async def test_good_requests_are_answered_while_500_clients_never_finish_their_headers() -> None:
    async with api_rig(settings=Api(port=0)) as rig, connected(rig, 500) as slow:
        for _, writer in slow:
            writer.write(_HEAD)
        files = psutil.Process().num_fds()
        worst = 0.0
        for _ in range(50):
            started = time.perf_counter()
            async with rig.client.get("/v1/counts", headers=rig.auth) as answer:
                assert answer.status == 200
            worst = max(worst, time.perf_counter() - started)
        print(f"slowest of 50 good requests: {worst * 1000:.1f} ms; {files} files open")
        assert worst < 1.0
        assert len(rig.listening.connections) <= 100


async def test_a_client_that_does_not_finish_its_headers_is_dropped() -> None:
    settings = Api(port=0, header_timeout=0.3)
    async with api_rig(settings=settings) as rig, connected(rig, 3) as (silent, half, again):
        half[1].write(_HEAD)
        again[1].write(_HEAD + b"Authorization: x\r\n\r\n")
        assert b" 401 " in await asyncio.wait_for(again[0].readuntil(b"\r\n\r\n"), 5)
        again[1].write(_HEAD)
        started = time.perf_counter()
        await asyncio.gather(rest(silent), rest(half), rest(again))
        assert 0.1 < time.perf_counter() - started < 2.0
        assert len(rig.listening.connections) == 0


async def test_headers_that_trickle_in_do_not_gain_time() -> None:
    settings = Api(port=0, header_timeout=0.5)
    async with api_rig(settings=settings) as rig, connected(rig) as (pipe,):
        started = time.perf_counter()
        with pytest.raises(ConnectionError):
            await trickle(pipe, _HEAD * 10)
        assert time.perf_counter() - started < 2.0


async def test_a_body_that_does_not_come_is_answered_and_dropped() -> None:
    settings = Api(port=0, body_timeout=0.3)
    async with api_rig(settings=settings) as rig, connected(rig) as (pipe,):
        key = rig.auth["Authorization"]
        head = _FULL.replace("/v1/x", "/v1/echo")
        pipe[1].write(f"{head}Authorization: {key}\r\nContent-Length: 10\r\n\r\n{{".encode())
        answer = await rest(pipe)
    assert b" 408 " in answer
    assert b"/docs/problems/request-timeout" in answer


async def test_a_slow_body_of_somebody_without_a_key_is_not_waited_for() -> None:
    async with api_rig() as rig, connected(rig) as (pipe,):
        head = _FULL.replace("/v1/x", "/v1/echo")
        pipe[1].write(f"{head}Content-Length: 10\r\n\r\n{{".encode())
        started = time.perf_counter()
        assert b" 401 " in await rest(pipe)
        assert time.perf_counter() - started < 3.0


async def test_what_is_no_http_is_told_so_as_a_problem() -> None:
    async with api_rig() as rig, connected(rig, 3) as pipes:
        pipes[0][1].write(b"\x16\x03\x01 hello\r\n\r\n")
        pipes[1][1].write(b"GET /v1/counts HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")
        pipes[2][1].write(b"GET /v1/counts HTTP/1.1\r\nContent-Length: -1\r\n\r\n")
        for answer in await asyncio.gather(*map(rest, pipes)):
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b" 400 " in head
            assert b"application/problem+json" in head
            assert b"X-Content-Type-Options: nosniff" in head
            assert json.loads(body)["type"] == "/docs/problems/bad-http"


async def test_who_sent_nothing_for_longest_makes_room() -> None:
    settings = Api(port=0, max_connections_per_address=2)
    async with api_rig(settings=settings) as rig, connected(rig, 3) as (first, second, third):
        assert await rest(first) == b""
        for pipe in (second, third):
            pipe[1].write(_HEAD + b"\r\n")
            assert b" 401 " in await asyncio.wait_for(pipe[0].readuntil(b"\r\n\r\n"), 5)
        assert len(rig.listening.connections) == 2


async def test_who_does_not_read_answers_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.api.watchdog._READ_WITHIN", 0.3)
    async with api_rig() as rig:
        port = int(rig.listening.url.rpartition(":")[2])
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)  # noqa: FBT003 -- positional only
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, ("127.0.0.1", port))
            request = "GET /v1/large HTTP/1.1\r\nHost: x\r\n\r\n"
            await loop.sock_sendall(deaf, request.encode())
            connections = rig.listening.connections
            await eventually(lambda: connections.dropped == 1 and not len(connections))


async def test_an_address_that_is_taken_is_named_with_what_to_change() -> None:
    async with api_rig() as rig:
        port = int(rig.listening.url.rpartition(":")[2])
        app = rig.spare_app()
        with pytest.raises(OSError, match=r"api\.port") as refused:
            async with listen(app, Api(port=port)):
                pass
    assert refused.value.errno == errno.EADDRINUSE
