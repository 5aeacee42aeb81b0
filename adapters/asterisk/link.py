"""One AMI session that stays up, or says why it does not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final
from uuid import uuid4

import structlog

from adapters.asterisk.config import AsteriskSettings
from adapters.asterisk.protocol import Headers, LinkLost, Protocol, Request, begin_login, why
from adapters.asterisk.wire import BadHeader, Framer, Packet, check_headers
from gateway.domain.errors import DialError, LoginRefused, NotSent, OutcomeUnknown, Refused
from gateway.ports import Clock

__all__ = ["Link"]

_log = structlog.get_logger(__name__)
_LOGIN_IN_USE: Final = "login already in use"


class Link:
    """A session with one Asterisk, kept alive by :meth:`run` for as long as that runs.

    ``wanted`` and ``variables`` name the events and channel variables to parse. ``on_packet`` gets
    every packet in the order of the wire and must not block. ``prepare`` is awaited after each
    login, before ``on_up``; ``on_down(reason)`` is called once per ``on_up``. ``ready`` is awaited
    before each connection. ``delays`` gives the seconds to wait after each failure in a row.
    """

    def __init__(  # noqa: PLR0913 -- keyword-only wiring, named once in dialer.py
        self,
        settings: AsteriskSettings,
        *,
        clock: Clock,
        delays: Callable[[], Iterable[float]],
        wanted: Iterable[bytes],
        variables: Iterable[bytes],
        on_packet: Callable[[Packet], None],
        prepare: Callable[[], Awaitable[None]],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._delays = delays
        self._wanted = frozenset(wanted)
        self._variables = tuple(variables)
        self._on_packet = on_packet
        self._prepare = prepare
        self._on_up = on_up
        self._on_down = on_down
        self._ready = ready
        self._protocol: Protocol | None = None
        self._up = False
        self.reason = "not connected yet"
        """Why it is down, in plain words."""

    @property
    def up(self) -> bool:
        """Whether orders can be written now."""
        return self._up and self._protocol is not None and self._protocol.writable

    def drop(self, reason: str) -> None:
        """End the present session; run() makes a new one."""
        self._up = False
        if self._protocol:
            self._protocol.abort(reason)

    async def run(self) -> None:
        """Connect, watch and reconnect until canceled. Raises LoginRefused to give up."""
        delays: Iterator[float] = iter(self._delays())
        while True:
            await self._ready()
            try:
                reached = await self._session()
            except LoginRefused as error:
                self._note(str(error))
                raise
            if reached:
                delays = iter(self._delays())
            pause = next(delays, None)
            if pause is None:  # a finite policy has run out: start it over, never give up
                delays = iter(self._delays())
                pause = next(delays, self._settings.connect_timeout)
            await self._clock.sleep(pause)

    async def _session(self) -> bool:
        """Live through one session. Returns whether it came up; raises LoginRefused only."""
        reached = False
        try:
            async with contextlib.AsyncExitStack() as stack:
                protocol = await self._log_in(stack)
                self._protocol = protocol
                await self._prepare()
                self._up = reached = True
                _log.info("ami.up", carrier=self._settings.name)
                self._on_up()
                reason = await self._watch(protocol)
        except asyncio.CancelledError:
            self.reason = "the gateway is stopping"
            raise
        except BadHeader as error:
            raise LoginRefused(f"the login of {self._settings.name}: {error}") from None
        except LoginRefused:
            raise
        except (DialError, LinkLost) as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 -- total: no foreign error leaves this adapter
            reason = why(error)
        finally:
            self._up, self._protocol = False, None
        self._note(reason)
        if reached:
            self._on_down(reason)
        return reached

    def _note(self, reason: str) -> None:
        if reason != self.reason:
            _log.warning("ami.down", carrier=self._settings.name, reason=reason)
        self.reason = reason

    async def _log_in(self, stack: contextlib.AsyncExitStack) -> Protocol:
        settings = self._settings
        protocol = await self._connect()
        stack.callback(protocol.abort, "the gateway closed the link")
        future, end = begin_login(
            protocol, username=settings.username, secret=settings.secret.reveal()
        )
        stack.callback(end)
        try:
            async with asyncio.timeout(settings.login_timeout):
                (answer,) = await future
        except TimeoutError:
            raise LinkLost("no answer to the login") from None
        if answer.name != b"Success":
            said = answer.get(b"Message")
            if _LOGIN_IN_USE in said.lower():
                raise LinkLost("the login is already in use")
            raise LoginRefused(f"Asterisk {settings.name} refused the login: {said[:80]}")
        return protocol

    async def _connect(self) -> Protocol:
        settings = self._settings
        try:
            async with asyncio.timeout(settings.connect_timeout):
                _, protocol = await asyncio.get_running_loop().create_connection(
                    lambda: Protocol(
                        Framer(self._wanted, variables=self._variables), self._on_packet
                    ),
                    settings.host,
                    settings.port,
                    ssl=_tls(settings) if settings.uses_tls else None,
                    server_hostname=settings.tls_server_name if settings.uses_tls else None,
                )
        except TimeoutError:
            raise LinkLost("no connection in time") from None
        return protocol

    async def _watch(self, protocol: Protocol) -> str:
        async with asyncio.TaskGroup() as group:
            pinging = group.create_task(self._keep_pinging(protocol), name="ami-ping")
            reason = await asyncio.shield(protocol.lost)
            pinging.cancel()
        return reason

    async def _keep_pinging(self, protocol: Protocol) -> None:
        while not protocol.closed:
            await self._clock.sleep(self._settings.ping_interval)
            try:
                await self.request({"Action": "Ping"}, timeout=self._settings.ping_timeout)
            except DialError:
                protocol.abort("Asterisk did not answer a ping")

    async def request(self, headers: Headers, *, timeout: float) -> Packet:  # noqa: ASYNC109 -- per kind of action
        """Write one action and return its answer, whatever that says; ``timeout`` in seconds.

        Raises NotSent, Refused (it must not be sent as it is) or OutcomeUnknown.
        """
        return (await self._ask(headers, timeout=timeout, as_list=False))[0]

    async def request_list(self, headers: Headers, *, timeout: float) -> list[Packet]:  # noqa: ASYNC109
        """Write one action and return its answer and all events of its list.

        Raises NotSent, Refused or OutcomeUnknown.
        """
        packets = await self._ask(headers, timeout=timeout, as_list=True)
        if packets[0].name != b"Success":
            raise Refused(f"{headers['Action']}: {packets[0].get(b'Message')[:80]}")
        return packets

    async def _ask(self, headers: Headers, *, timeout: float, as_list: bool) -> list[Packet]:  # noqa: ASYNC109
        protocol = self._protocol
        if protocol is None or not protocol.writable:
            raise NotSent(f"Asterisk {self._settings.name} is not connected: {self.reason}")
        try:
            check_headers(headers)
        except BadHeader as error:
            raise Refused(str(error)) from None
        request = Request({"ActionID": str(uuid4()), **headers}, as_list=as_list)
        try:
            protocol.submit(request)
            async with asyncio.timeout(timeout):
                return await request.future
        except TimeoutError:
            raise OutcomeUnknown(f"no answer to {headers['Action']} in {timeout:g} s") from None
        except LinkLost as error:
            raise OutcomeUnknown(f"{headers['Action']} was written, then {error}") from None
        except DialError:
            raise
        except Exception as error:  # noqa: BLE001 -- total: whether it was written is not known
            raise OutcomeUnknown(f"{headers['Action']}: {why(error)}") from None
        finally:
            protocol.forget(request)


def _tls(settings: AsteriskSettings) -> ssl.SSLContext:
    """Verify the other side, always: against ``tls_ca``, or the system's authorities."""
    return ssl.create_default_context(cafile=settings.tls_ca)
