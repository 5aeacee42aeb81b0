"""A look at an Asterisk's manager port, for whoever sets it up: how far one gets, what is amiss.

Nothing is dialed and nothing is changed there. Unlike the link of the dialer it never tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from adapters.asterisk.config import Secret
from adapters.asterisk.switch import boot_epoch, is_vulnerable, missing_rights
from adapters.asterisk.wire import BadHeader, Framer, Packet, WireError, check_headers

__all__ = ["Place", "Probe", "Reached", "Target", "probe"]

Reached = Literal["name", "port", "tls", "greeting", "login", "rights", "all"]
"""The step at which it ended: host name, TCP port, certificate, ...; ``all``: it may be used."""
Place = tuple[str, str]
"""A context of the dialplan and an extension in it."""
_STEP_WITHIN: Final = 5.0
_BOOTED_WITHIN: Final = 2.0
_CHUNK: Final = 65_536
_WANTED: Final = (b"FullyBooted", b"ListDialplan", b"ShowDialPlanComplete")
_MOST_PLACES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to look and as whom. ``places`` are looked for in its dialplan."""

    host: str
    port: int
    username: str
    secret: Secret
    tls: bool = False
    cafile: Path | None = None
    server_hostname: str | None = None
    places: Sequence[Place] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was found. ``problem`` is empty when ``reached`` is ``all``.

    ``missing`` are classes of ``write`` the user lacks. ``heard_boot``: the word that Asterisk has
    booted came, which needs ``read=system``. ``clock_ahead``: by how many seconds its clock is
    ahead of ours, None if it did not tell. ``places``: whether each is there; one that could not
    be looked for is missing.
    """

    reached: Reached
    problem: str = ""
    addresses: tuple[str, ...] = ()
    version: str = ""
    vulnerable: bool = False
    boot_epoch: str = ""
    missing: tuple[str, ...] = ()
    heard_boot: bool = False
    clock_ahead: float | None = None
    places: Mapping[Place, bool] = field(default_factory=dict)


class _Ended(Exception):
    """It goes no further than this."""

    def __init__(self, reached: Reached, problem: str) -> None:
        super().__init__(problem)
        self.reached = reached


async def probe(target: Target) -> Probe:
    """Go as far as one gets and tell what was found; raises nothing but a cancellation."""
    addresses: tuple[str, ...] = ()
    try:
        addresses = await _addresses(target)
        async with _session(target) as session:
            return await _look(session, target, addresses)
    except _Ended as end:
        return Probe(reached=end.reached, problem=str(end), addresses=addresses)


async def _addresses(target: Target) -> tuple[str, ...]:
    try:
        async with asyncio.timeout(_STEP_WITHIN):
            found = await asyncio.get_running_loop().getaddrinfo(
                target.host, target.port, type=socket.SOCK_STREAM
            )
    except TimeoutError:
        raise _Ended("name", "the name server does not answer") from None
    except OSError as error:
        raise _Ended("name", error.strerror or "no such host") from None
    except UnicodeError:
        raise _Ended("name", "this is no host name") from None
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


class _Session:
    """One connection, asked one thing after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._framer = Framer(_WANTED)
        self._packets: list[Packet] = []
        self.booted = False

    async def greeted(self) -> None:
        """Wait for the greeting."""
        try:
            async with asyncio.timeout(_STEP_WITHIN):
                while self._framer.version is None:
                    await self._read("greeting")
        except TimeoutError:
            raise _Ended("greeting", "it accepts connections and says nothing") from None

    async def ask(self, action: str, step: Reached = "rights", **headers: str) -> list[Packet]:
        """Send an action; return its answer and, where that is a list, the events of the list."""
        wanted = {"Action": action, "ActionID": f"probe-{action}", **headers}
        try:
            check_headers(wanted)
        except BadHeader as error:
            raise _Ended(step, str(error)) from None
        lines = "".join(f"{key}: {value}\r\n" for key, value in wanted.items())
        self._writer.write(f"{lines}\r\n".encode())
        found: list[Packet] = []
        try:
            async with asyncio.timeout(_STEP_WITHIN):
                while not _complete(found):
                    packet = await self._next(step)
                    if packet.action_id == wanted["ActionID"]:
                        found.append(packet)
        except TimeoutError:
            raise _Ended(step, f"no answer to {action} in {_STEP_WITHIN:g} s") from None
        return found

    async def wait_for_boot(self) -> None:
        """Give the word that Asterisk is up a moment to come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BOOTED_WITHIN):
                while not self.booted:
                    await self._next("rights")

    async def _next(self, step: Reached) -> Packet:
        while not self._packets:
            await self._read(step)
        packet = self._packets.pop(0)
        self.booted = self.booted or packet.name == b"FullyBooted"
        return packet

    async def _read(self, step: Reached) -> None:
        try:
            data = await self._reader.read(_CHUNK)
            self._packets += self._framer.feed(data)
        except WireError as error:
            raise _Ended(step, str(error)) from None
        except OSError as error:
            raise _Ended(step, error.strerror or "the connection broke") from None
        if not data:
            raise _Ended(step, "it closed the connection")


def _complete(found: Sequence[Packet]) -> bool:
    if not found or found[0].get(b"EventList").lower() != "start":
        return bool(found)
    return found[-1].get(b"EventList").lower() in {"complete", "cancelled"}


@asynccontextmanager
async def _session(target: Target) -> AsyncIterator[_Session]:
    context = await asyncio.to_thread(_tls, target) if target.tls else None
    name = (target.server_hostname or target.host) if context else None
    try:
        async with asyncio.timeout(_STEP_WITHIN):
            reader, writer = await asyncio.open_connection(
                target.host, target.port, ssl=context, server_hostname=name
            )
    except TimeoutError:
        raise _Ended("port", "no answer: a firewall, or the host is down") from None
    except ssl.SSLCertVerificationError as error:
        raise _Ended("tls", f"the certificate was not accepted: {error.verify_message}") from None
    except ssl.SSLError:
        raise _Ended("tls", "this port does not speak TLS") from None
    except OSError as error:
        refused = isinstance(error, ConnectionRefusedError)
        told = "the connection was refused" if refused else (error.strerror or "not reachable")
        raise _Ended("port", told) from None
    try:
        yield _Session(reader, writer)
    finally:
        writer.transport.abort()


def _tls(target: Target) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=target.cafile)
    except OSError:
        raise _Ended(
            "tls", f"cafile {target.cafile} holds no certificate that can be read"
        ) from None


async def _look(session: _Session, target: Target, addresses: tuple[str, ...]) -> Probe:
    await session.greeted()
    credentials = {"Username": target.username, "Secret": target.secret.reveal()}
    (answer, *_) = await session.ask("Login", "login", **credentials)
    if answer.name != b"Success":
        raise _Ended("login", answer.get(b"Message")[:80] or "refused")
    (commands, *_) = await session.ask("ListCommands")
    (ping, *_) = await session.ask("Ping")
    ahead = _ahead(ping)
    missing = missing_rights(commands)
    await session.wait_for_boot()
    if "reporting" in missing:
        return Probe(
            reached="rights",
            problem=f"the user lacks write={','.join(missing)}",
            addresses=addresses,
            missing=missing,
            heard_boot=session.booted,
            clock_ahead=ahead,
        )
    (status, *_) = await session.ask("CoreStatus")
    (settings, *_) = await session.ask("CoreSettings")
    version = settings.get(b"AsteriskVersion")
    return Probe(
        reached="rights" if missing else "all",
        problem=f"the user lacks write={','.join(missing)}" if missing else "",
        addresses=addresses,
        version=version,
        vulnerable=is_vulnerable(version),
        boot_epoch=boot_epoch(status),
        missing=missing,
        heard_boot=session.booted,
        clock_ahead=ahead,
        places=await _places(session, target.places),
    )


def _ahead(ping: Packet) -> float | None:
    try:
        return float(ping.get(b"Timestamp")) - time.time()
    except ValueError:
        return None


async def _places(session: _Session, wanted: Sequence[Place]) -> dict[Place, bool]:
    """Look for places in the dialplan; those it does not tell about are left out."""
    found: dict[Place, bool] = {}
    for context, exten in list(dict.fromkeys(wanted))[:_MOST_PLACES]:
        answer = await session.ask("ShowDialPlan", Context=context, Extension=exten)
        if answer[0].name == b"Success":
            found[context, exten] = any(one.name == b"ListDialplan" for one in answer)
        elif answer[0].get(b"Message").startswith("Did not find"):
            found[context, exten] = False
    return found
