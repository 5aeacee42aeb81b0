"""A scripted Asterisk manager port on loopback: says what a test tells it to, records what it gets.

It knows nothing of the code under test. By default it behaves: it logs anybody in, answers pings
and lists, and takes orders; ``on`` replaces what it does with one kind of action.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

END = b"\r\n\r\n"
GREETING = b"Asterisk Call Manager/9.0.0\r\n"


def message(*lines: str) -> bytes:
    """Put header lines together as one message."""
    return "\r\n".join(lines).encode() + END


def event(name: str, **headers: str) -> bytes:
    """Build one event."""
    return message(f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items()))


@dataclass(frozen=True, slots=True)
class Action:
    """One action as it arrived: its headers in order, and on which session."""

    lines: tuple[tuple[str, str], ...]
    session: Session

    @property
    def name(self) -> str:
        return self.get("Action")

    def get(self, key: str) -> str:
        """Return the first value, or ``""``."""
        return next((value for name, value in self.lines if name.lower() == key.lower()), "")

    def all(self, key: str) -> list[str]:
        """Return every value under this key."""
        return [value for name, value in self.lines if name == key]


Answer = Callable[[Action], bytes | None]
"""What to send back for an action; None is silence."""


class Session(asyncio.Protocol):
    """One connection to the fake."""

    def __init__(self, fake: FakeAmi) -> None:
        self.fake = fake
        self.buffer = b""
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.fake.sessions.append(self)
        self.send(self.fake.greeting)
        self.fake.changed.set()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        *whole, self.buffer = self.buffer.split(END)
        for one in whole:
            # Asterisk takes a bare line feed as a line's end too.
            lines = one.decode().replace("\r\n", "\n").split("\n")
            pairs = tuple((k, v) for k, _, v in (line.partition(": ") for line in lines) if k)
            self.fake.take(Action(pairs, self))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.fake.changed.set()

    def send(self, data: bytes) -> None:
        """Send bytes as they are, in one piece."""
        self.transport.write(data)


def succeed(action: Action, *lines: str) -> bytes:
    """Answer Success, with more header lines."""
    return message("Response: Success", f"ActionID: {action.get('ActionID')}", *lines)


def fail(text: str) -> Answer:
    """Answer Error with this Message."""
    return lambda action: message(
        "Response: Error", f"ActionID: {action.get('ActionID')}", f"Message: {text}"
    )


def silence(_: Action) -> None:
    """Answer nothing."""


def listing(*items: bytes) -> Answer:
    """Answer a list of events; each is given the ActionID."""

    def answer(action: Action) -> bytes:
        mark = f"ActionID: {action.get('ActionID')}"
        named = [item[: -len(END)] + b"\r\n" + mark.encode() + END for item in items]
        done = message(f"Event: {action.name}Complete", mark, "EventList: Complete")
        return succeed(action, "EventList: start") + b"".join(named) + done

    return answer


@dataclass(slots=True)
class FakeAmi:
    """The server; an async context manager. ``startup`` is the start time it gives for itself."""

    startup: str = "10:00:00"
    version: str = "22.10.1"
    tls: ssl.SSLContext | None = None
    greeting: bytes = GREETING
    sessions: list[Session] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    on: dict[str, Answer] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
        for _ in range(5):
            await asyncio.sleep(0)

    async def listen(self) -> None:
        """Begin to take connections, on the same port as before."""
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(
            lambda: Session(self), "127.0.0.1", self.port, ssl=self.tls
        )
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more connections and end those that are there."""
        if self.server:
            self.server.close()
            self.server = None
        self.drop()

    def drop(self) -> None:
        """End every session at once."""
        for session in self.sessions:
            session.transport.abort()

    @property
    def live(self) -> Session:
        """The newest session."""
        return self.sessions[-1]

    def take(self, action: Action) -> None:
        """Record an action and answer it."""
        self.actions.append(action)
        answer = self.on.get(action.name) or self._default(action)
        if data := answer(action):
            action.session.send(data)
        self.changed.set()

    def _default(self, action: Action) -> Answer:
        match action.name:
            case "CoreStatus":
                date = ("CoreStartupDate: 2026-03-10", f"CoreStartupTime: {self.startup}")
                return lambda action: succeed(action, *date)
            case "CoreSettings":
                return lambda action: succeed(action, f"AsteriskVersion: {self.version}")
            case "CoreShowChannels":
                return listing()
            case "Originate":
                return lambda a: succeed(a, "Message: Originate successfully queued")
            case _:
                return succeed

    def named(self, name: str) -> list[Action]:
        """Return the actions of this name so far."""
        return [action for action in self.actions if action.name == name]

    async def until(self, holds: Callable[[], object], within: float = 5.0) -> None:
        """Wait until something holds that changes with what arrives here."""
        async with asyncio.timeout(within):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    async def received(self, name: str, count: int = 1) -> Sequence[Action]:
        """Wait until ``count`` actions of this name have come, and return them."""
        await self.until(lambda: len(self.named(name)) >= count)
        return self.named(name)
