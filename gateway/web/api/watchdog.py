"""A connection that is watched: headers in time, answers read in time, malformed requests told.

The library's own server waits for headers as long as somebody likes; bodies are timed where they
are read (:mod:`gateway.web.api.reading`).
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Final, cast

import structlog
from aiohttp import web

from gateway.web.api.connections import Connections
from gateway.web.api.frame import SAFE_HEADERS, problem_response
from gateway.web.api.problem import Refusal
from gateway.web.api.problem_types import BAD_HTTP, INTERNAL, SLOW

__all__ = ["KEEP_ALIVE", "LINGER", "WatchedConnection"]

_log = structlog.get_logger()
KEEP_ALIVE: Final = 75.0
"""How long a connection without a request stays, in seconds."""
LINGER: Final = 1.0
"""How long the rest of a body is thrown away that nobody wanted to read."""
_READ_WITHIN: Final = 30.0
_TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)
_SERVER_ERROR: Final = 500
_GATEWAY_TIMEOUT: Final = 504


class WatchedConnection(web.RequestHandler):
    """One connection of the library's server, with what it leaves out."""

    __slots__ = ("_admitted", "_connections", "_header_timeout", "_timers", "address")

    def __init__(
        self, server: web.Server, connections: Connections, *, header_timeout: float
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=KEEP_ALIVE,
            access_log=cast("Any", None),
            lingering_time=LINGER,
            auto_decompress=False,
        )
        self.address = ""
        self._connections = connections
        self._header_timeout = header_timeout
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._admitted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._admitted = self._connections.admit(self)
        if not self._admitted:
            refused = cast("asyncio.Transport", transport)
            refused.write(_TOO_MANY)
            refused.close()
            return
        super().connection_made(transport)
        self._start("header", self._header_timeout)

    def connection_lost(self, exc: BaseException | None) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._admitted:
            self._connections.left(self)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._admitted:
            return
        super().data_received(data)
        if self._messages or not self._is_waiting:
            self._cancel("header")
            self._connections.works(self)
        elif "header" not in self._timers:
            self._start("header", self._header_timeout)

    @property
    def _is_waiting(self) -> bool:
        """Whether the next thing wanted is a request: none is being answered."""
        return self._request_count == 0 or self._waiter is not None

    def log_access(
        self, request: web.BaseRequest, response: web.StreamResponse, request_start: float | None
    ) -> None:
        """Note that an answer is written; the log line is written elsewhere."""
        if not self._messages:
            self._connections.waits(self)

    def pause_writing(self) -> None:
        """Note that the other end does not read; it has so long to begin again."""
        super().pause_writing()
        self._start("read", _READ_WITHIN)

    def resume_writing(self) -> None:
        """Note that the other end reads again."""
        super().resume_writing()
        self._cancel("read")

    def drop(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = _SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that did not get as far as the application."""
        kind = {_SERVER_ERROR: INTERNAL, _GATEWAY_TIMEOUT: SLOW}.get(status, BAD_HTTP)
        if kind is INTERNAL:
            _log.error("http.failed", exc_info=exc)
        else:
            _log.debug("http.malformed", status=status)
        if request.writer.output_size > 0:
            raise ConnectionError("part of another answer is sent already")
        request_id = secrets.token_hex(8)
        response = problem_response(Refusal(kind), request_id)
        response.headers.update(SAFE_HEADERS)
        response.headers["X-Request-Id"] = request_id
        response.force_close()
        return response

    def _start(self, name: str, seconds: float) -> None:
        self._cancel(name)
        self._timers[name] = self._loop.call_later(seconds, self._too_slow, name)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _too_slow(self, name: str) -> None:
        self._timers.pop(name, None)
        self._connections.dropped += 1
        _log.debug("http.too_slow", waited_for=name)
        self.drop()
