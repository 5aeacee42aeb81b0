"""What is used of panoramisk: its action, its table of pending actions, its way to log in.

The only module that knows panoramisk. Its timers, its re-sending, its parser and its callbacks are
switched off here, each for a reason that decision 0030 gives. No panoramisk message is ever made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast
from uuid import uuid4

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from adapters.asterisk.wire import Framer, Packet, WireError, check_headers
from gateway.domain.errors import NotSent

__all__ = ["Headers", "LinkLost", "Protocol", "Request", "begin_login", "why"]

_log = structlog.get_logger(__name__)
_MAX_LIST: Final = 200_000
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_KEEPALIVE: Final = (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
_USER_TIMEOUT_MS: Final = 10_000

# panoramisk writes whole actions, secrets and numbers included, to its log: it gets a deaf one.
_DEAF: Final = logging.getLogger("panoramisk.deaf")
_DEAF.addFilter(lambda _: False)

Headers = Mapping[str, str | Sequence[str]]


class LinkLost(Exception):
    """The session ended; the message says why, without personal data."""


class _Everything:
    """What panoramisk may forget instead of sending it again: everything."""

    def __contains__(self, _: object) -> bool:
        return True


class Request(Action):  # type: ignore[misc]  # panoramisk has no types
    """One action on its way, answered by one packet or by a list of them."""

    future: asyncio.Future[list[Packet]]

    def __init__(self, headers: Headers, *, as_list: bool) -> None:
        super().__init__(dict(headers), as_list=as_list)
        self.wants_list = as_list
        self.packets: list[Packet] = []

    def add_message(self, packet: Packet) -> bool:
        """Take an answer; True when this was the last one."""
        self.packets.append(packet)
        if self.future.done():
            return True
        mark = packet.get(b"EventList").lower()
        more = mark == "start" if not packet.is_event else mark not in {"complete", "cancelled"}
        if self.wants_list and more and len(self.packets) < _MAX_LIST:
            return False
        self.future.set_result(self.packets)
        return True

    @property
    def wire_size(self) -> int:
        """Bytes on the wire; raises UnicodeEncodeError for what cannot be sent at all."""
        return len(str(self).encode("utf-8"))


class Protocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """Framing, matching of answers to actions, and an end that fails what is pending."""

    responses: dict[str, Request]

    def __init__(self, framer: Framer, on_packet: Callable[[Packet], None]) -> None:
        self._framer = framer
        self._on_packet = on_packet
        self._paused = False
        self._reason = ""
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.log = _DEAF
        _tune(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        try:
            packets = self._framer.feed(data)
        except WireError as error:
            self.abort(str(error))
            return
        for packet in packets:
            try:
                self._deliver(packet)
            except Exception as error:  # noqa: BLE001 -- one bad message must not cost the link
                _log.error("ami.message_failed", packet=repr(packet), error=type(error).__name__)

    def _deliver(self, packet: Packet) -> None:
        if self.responses and (request := self.responses.get(packet.action_id)):
            if not packet.is_event:
                self.handle_message(packet)
            elif request.wants_list:
                self.handle_message(packet)
                return
        self._on_packet(packet)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False

    @property
    def writable(self) -> bool:
        """Whether bytes written now leave at once."""
        return not (self.closed or self._paused or self.transport.is_closing())

    def submit(self, request: Request) -> None:
        """Write one action, once."""
        # panoramisk would swallow an encoding error and leave the future pending for ever.
        if not request.wire_size:
            raise NotSent
        self.send(request, as_list=request.wants_list)

    def forget(self, request: Request) -> None:
        """Drop an action nobody waits for any more."""
        self.responses.pop(request.id, None)

    def abort(self, reason: str) -> None:
        """End the session at once; what was not sent yet never is."""
        self._reason = self._reason or reason
        self.close()

    def close(self) -> None:
        pending, self.responses = self.responses, {}
        reason = self._reason or "the connection was closed"
        for request in pending.values():
            if not request.future.done():
                request.future.set_exception(LinkLost(reason))
                request.future.exception()  # seen, even if nobody waits for it any more
        self.transport.abort()
        super().close()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._reason = self._reason or why(exc)
        self.close()
        if not self.lost.done():
            self.lost.set_result(self._reason or "the connection was closed by Asterisk")


class _Manager(Manager):  # type: ignore[misc]  # panoramisk has no types
    """panoramisk's login on a connection that we made; none of its timers does anything."""

    def connect(self, *_: object, **__: object) -> None:
        """Nothing: connecting again is decided in Link.run alone."""

    def ping(self) -> None:
        """Nothing: Link watches, and looks at the answers."""

    def connection_lost(self, exc: object) -> None:
        """Nothing: the protocol tells Link."""

    def login(self, future: asyncio.Future[list[Packet]]) -> None:
        """Nothing: Link waits for the answer itself."""

    def dispatch(self, event: object) -> None:
        """Nothing: events go straight to Link."""

    def send_action(
        self, action: dict[str, str], as_list: object = None, **_: object
    ) -> asyncio.Future[list[Packet]]:
        check_headers(action)
        request = Request({**action, "ActionID": str(uuid4())}, as_list=bool(as_list))
        cast("Protocol", self.protocol).submit(request)
        return request.future


def begin_login(
    protocol: Protocol, *, username: str, secret: str
) -> tuple[asyncio.Future[list[Packet]], Callable[[], None]]:
    """Send the login. Returns the future of its answer, and what to call at the session's end."""
    loop = asyncio.get_running_loop()
    manager = _Manager(
        username=username,
        secret=secret,
        loop=loop,
        log=_DEAF,
        forgetable_actions=_Everything(),
    )
    connected: asyncio.Future[Any] = loop.create_future()
    connected.set_result((protocol.transport, protocol))
    manager.connection_made(connected)
    return manager.authenticated_future, manager.close


def _tune(sock: Any) -> None:  # noqa: ANN401 -- a socket, or asyncio's wrapper of one
    """Make a dead link die quickly and keep the kernel from delivering for a dead gateway."""
    if sock is None:
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        options = (*_KEEPALIVE, ("TCP_USER_TIMEOUT", _USER_TIMEOUT_MS))
        for name, value in options:
            if option := getattr(socket, name, None):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)


def why(error: BaseException) -> str:
    """Say what went wrong without repeating anything that was sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate was not accepted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    return type(error).__name__
