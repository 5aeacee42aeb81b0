"""Sends webhooks: to the open Internet only, once, bounded in time and size."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, Self

import aiohttp
from yarl import URL

from adapters.http.addresses import is_public, may_use_port
from adapters.http.resolving import (
    AddressRefused,
    CheckedResolver,
    Lookup,
    checked_socket,
    look_up,
)
from gateway.domain.errors import BadInput
from gateway.ports.messenger import Answer, Message

__all__ = ["HttpMessenger", "Limits"]

_LONGEST_URL: Final = 2000
_MOST_READ: Final = 64 * 1024
_CHUNK: Final = 8 * 1024
_READ_WITHIN: Final = 1.0
_MOST_CONNECTIONS: Final = 100
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_REDIRECTS: Final = range(300, 400)
# The first that fits.
_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientConnectorCertificateError, "its certificate cannot be trusted"),
    (aiohttp.ClientSSLError, "no secure connection could be made"),
    (aiohttp.ClientConnectorDNSError, "its name was not found"),
    (aiohttp.ClientProxyConnectionError, "the proxy cannot be reached"),
    (aiohttp.ClientConnectorError, "no connection could be made"),
    (aiohttp.ServerDisconnectedError, "it hung up without an answer"),
    (aiohttp.ClientResponseError, "its answer is no HTTP"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is allowed. ``timeout`` in seconds bounds a whole try, names and handshake included.

    ``proxy``: everything goes through it, and it decides what names lead to; addresses are then
    only refused where the URL itself shows one.
    """

    timeout: float = 10.0
    allow_http: bool = False
    allow_private: bool = False
    proxy: str | None = None
    cafile: Path | None = None


class HttpMessenger:
    """A ``Messenger`` over HTTPS. Use as an async context manager, inside the running loop."""

    def __init__(self, limits: Limits, *, lookup: Lookup = look_up) -> None:
        self._limits = limits
        self._lookup = lookup
        self._session: aiohttp.ClientSession | None = None
        self._resolver: CheckedResolver | None = None

    async def __aenter__(self) -> Self:
        limits = self._limits
        open_to_all = limits.allow_private or limits.proxy is not None
        self._resolver = CheckedResolver(allow_private=open_to_all, lookup=self._lookup)
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            use_dns_cache=False,
            ssl=ssl.create_default_context(cafile=limits.cafile),
            limit=_MOST_CONNECTIONS,
            force_close=True,  # A kept connection that died would count as a failure of theirs.
            socket_factory=None if open_to_all else checked_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=limits.timeout),
            headers={"User-Agent": "Kairos-Webhooks"},
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._resolver is not None:
            await self._resolver.close()
            self._resolver = None

    def check(self, url: str) -> None:
        """Refuse an address that can be seen to be unusable. Raises BadInput."""
        try:
            if len(url) > _LONGEST_URL:
                raise ValueError("too long")  # noqa: TRY301 -- one way to say no
            read = URL(url)
            host, port = read.host, read.port
        except ValueError:
            host, port, read = None, None, URL()
        if host is None or port is None or any(one <= " " for one in url):
            raise BadInput("url", "not a URL", remedy="write it like https://crm.example/hooks")
        if read.scheme != "https" and not (read.scheme == "http" and self._limits.allow_http):
            raise BadInput("url", "not https", remedy="or set webhooks.allow_http for a test")
        if read.user is not None or read.password is not None:
            remedy = "the signature proves who sends; or put a token into the path"
            raise BadInput("url", "holds a user or password", remedy=remedy)
        if not may_use_port(port):
            raise BadInput("url", "this port is not for webhooks", remedy="use 443, or 1024 and up")
        if not self._limits.allow_private and _is_inside(host):
            remedy = "use a public name, or set webhooks.allow_private for a receiver of your own"
            raise BadInput("url", "leads into a private network", remedy=remedy)

    async def send(self, message: Message) -> Answer:
        """Send once. Redirects are not followed; of the answer only the head matters."""
        if self._session is None:
            raise RuntimeError("the messenger is closed")
        try:
            self.check(message.url)
            async with self._session.post(
                message.url,
                data=message.body,
                headers=message.headers,
                allow_redirects=False,
                proxy=self._limits.proxy,
            ) as response:
                answer = _answer(response)
                await _read_a_little(response)
                return answer
        except BadInput as problem:
            return Answer(error=str(problem))
        except TimeoutError:
            return Answer(error=f"no answer within {self._limits.timeout:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(error=_words(error))


def _is_inside(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return True
    # A name that ends like this is read as an address, and in more ways than one.
    looks_like_address = ":" in name or _NUMBER.fullmatch(name.rpartition(".")[2]) is not None
    return looks_like_address and not is_public(name)


def _answer(response: aiohttp.ClientResponse) -> Answer:
    status = response.status
    if status in _REDIRECTS:
        return Answer(status=status, error=f"answered {status}; redirects are not followed")
    error = "" if response.ok else f"answered {status}"
    return Answer(status=status, error=error, retry_after=_seconds(response))


async def _read_a_little(response: aiohttp.ClientResponse) -> None:
    """Let a short answer end in good order; what is longer or slower is cut off."""
    left = _MOST_READ
    try:
        async with asyncio.timeout(_READ_WITHIN):
            while left > 0:
                chunk = await response.content.read(min(_CHUNK, left))
                if not chunk:
                    return
                left -= len(chunk)
    except (TimeoutError, aiohttp.ClientError, OSError):
        pass  # Its head said what it had to say.
    response.close()


def _seconds(response: aiohttp.ClientResponse) -> float | None:
    """Read Retry-After: seconds, or an instant."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _words(error: Exception) -> str:
    """Say what went wrong without the address, whose path may be a secret."""
    for one in (error, error.__cause__, getattr(error, "os_error", None)):
        if isinstance(one, AddressRefused):
            return str(one)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy refused: {error.status}"
    words = (text for kind, text in _WORDS if isinstance(error, kind))
    return next(words, f"could not be sent ({type(error).__name__})")
