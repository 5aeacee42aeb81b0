"""The door to the network: a TCP port, with or without TLS, that slow clients cannot hold shut."""

from __future__ import annotations

import asyncio
import resource
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from config.api import Api, ApiTls
from gateway.web.api.connections import Connections
from gateway.web.api.gate import is_within
from gateway.web.api.watchdog import WatchedConnection

__all__ = ["Listening", "WatchedSite", "listen", "raise_file_limit"]

_log = structlog.get_logger()
_CLOSE_WITHIN: Final = 5.0
_BACKLOG: Final = 512
_OTHER_FILES: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the API can be reached: ``url`` begins every address of it."""

    url: str
    connections: Connections


class WatchedSite(web.BaseSite):
    """A listening port whose connections are watched."""

    __slots__ = ("_connections", "_settings", "bound")

    def __init__(
        self,
        runner: web.AppRunner,
        settings: Api,
        connections: Connections,
        *,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(runner, ssl_context=ssl_context, backlog=_BACKLOG)
        self._settings = settings
        self._connections = connections
        self.bound = settings.port

    @property
    def name(self) -> str:
        """Where it listens."""
        scheme = "https" if self._ssl_context else "http"
        host = self._settings.host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.bound}"

    async def start(self) -> None:
        """Begin to listen. Raises OSError."""
        await super().start()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the runner is not set up")
        settings = self._settings
        self._server = listener = await asyncio.get_running_loop().create_server(
            lambda: WatchedConnection(
                server, self._connections, header_timeout=settings.header_timeout
            ),
            settings.host,
            settings.port,
            ssl=self._ssl_context,
            ssl_handshake_timeout=settings.header_timeout if self._ssl_context else None,
            backlog=self._backlog,
        )
        self.bound = listener.sockets[0].getsockname()[1]


@asynccontextmanager
async def listen(app: web.Application, settings: Api) -> AsyncIterator[Listening]:
    """Serve ``app`` as the settings say while inside.

    Raises OSError: the address is taken or not ours, or the certificate cannot be read.
    """
    most = min(settings.max_connections, raise_file_limit(settings.max_connections))
    connections = Connections(
        most=most,
        most_per_address=settings.max_connections_per_address,
        exempt=lambda address: is_within(address, settings.trusted_proxies),
    )
    context = _tls(settings.tls) if settings.tls else None
    runner = web.AppRunner(app, shutdown_timeout=_CLOSE_WITHIN)
    await runner.setup()
    try:
        site = WatchedSite(runner, settings, connections, ssl_context=context)
        try:
            await site.start()
        except OSError as error:
            where = f"{settings.host} port {settings.port}"
            text = f"the API cannot listen at {where} ({error.strerror}); change api.host, api.port"
            raise OSError(error.errno, error.strerror, text) from error
        yield Listening(url=site.name, connections=connections)
    finally:
        await runner.cleanup()


def _tls(tls: ApiTls) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls.certfile, tls.keyfile)
    return context


def raise_file_limit(wanted: int) -> int:
    """Let this process open so many connections, if it may; returns how many it can have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    best = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (best, hard))
    possible = max(1, best - _OTHER_FILES)
    if possible < wanted:
        _log.warning(
            "api.few_connections", wanted=wanted, possible=possible, remedy="raise LimitNOFILE"
        )
    return possible
