"""A tiny raw AMI client, for the lab's own needs: readiness, recording, tests.

It knows nothing of the gateway or its AMI library, so that it can bear
witness about both.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adapters.lab.errors import LabUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_END: Final = b"\r\n\r\n"
Message = dict[str, str]
"""One AMI message. A header that comes more than once has its lines joined by newlines."""


@dataclass(slots=True)
class AmiClient:
    """One AMI session. Every message that arrives is kept in ``seen``, in order.

    ``seen`` holds pairs of the loop's time in seconds and the message.
    """

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    seen: list[tuple[float, Message]] = field(default_factory=list)
    closed: bool = False
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    async def action(self, name: str, *headers: tuple[str, str], timeout: float = 5.0, **more: str) -> Message:  # noqa: ASYNC109
        """Send an action and return its reply, within ``timeout`` seconds.

        ``headers`` may repeat a name; ``more`` is for the others. An ActionID
        is made unless one is given. Raises :class:`TimeoutError`.
        """
        action_id = more.setdefault("ActionID", f"lab-{next(self._ids)}")
        lines = [f"{key}: {value}" for key, value in (("Action", name), *more.items(), *headers)]
        self._writer.write("\r\n".join(lines).encode() + _END)
        return await self.wait_for(
            lambda m: "Response" in m and "Event" not in m and m.get("ActionID") == action_id, timeout=timeout
        )

    async def event(self, name: str, *, timeout: float = 10.0, **wanted: str) -> Message:  # noqa: ASYNC109
        """Return the first event ``name`` so far or yet to come with the ``wanted`` headers.

        Raises :class:`TimeoutError` after ``timeout`` seconds.
        """
        return await self.wait_for(
            lambda m: m.get("Event") == name and all(m.get(k) == v for k, v in wanted.items()), timeout=timeout
        )

    async def wait_for(self, matches: Callable[[Message], bool], *, timeout: float = 10.0) -> Message:  # noqa: ASYNC109
        """Return the first message, past or future, that ``matches``.

        Raises :class:`TimeoutError`, and :class:`ConnectionError` once the session is over.
        """
        checked = 0
        async with asyncio.timeout(timeout), self._arrived:
            while True:
                while checked < len(self.seen):
                    message = self.seen[checked][1]
                    checked += 1
                    if matches(message):
                        return message
                if self.closed:
                    msg = "the AMI session is over"
                    raise ConnectionError(msg)
                await self._arrived.wait()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        await self._reader.readline()  # the banner
        try:
            while True:
                block = await self._reader.readuntil(_END)
                async with self._arrived:
                    self.seen.append((loop.time(), parse(block)))
                    self._arrived.notify_all()
        except (asyncio.IncompleteReadError, OSError):
            async with self._arrived:
                self.closed = True
                self._arrived.notify_all()


def parse(block: bytes) -> Message:
    """Read one AMI message off its bytes; repeated headers are joined by newlines."""
    message: Message = {}
    for line in block.decode(errors="backslashreplace").split("\r\n"):
        key, colon, value = line.partition(":")
        if colon:
            value = value.removeprefix(" ")
            message[key] = f"{message[key]}\n{value}" if key in message else value
    return message


@asynccontextmanager
async def ami_session(
    host: str, port: int, user: str, secret: str, *, login: Mapping[str, str] | None = None
) -> AsyncIterator[AmiClient]:
    """Log in and give an :class:`AmiClient`; log off at the end.

    ``login`` adds headers to the login. Raises :class:`OSError` when nobody
    listens and :class:`LabUnavailable` when the login is refused.
    """
    async with asyncio.timeout(5.0):
        reader, writer = await asyncio.open_connection(host, port, limit=2**20)
    client = AmiClient(reader, writer)
    listener = asyncio.create_task(client._listen(), name="lab-ami")  # noqa: SLF001 - same module
    try:
        reply = await client.action("Login", Username=user, Secret=secret, **(login or {}))
        if reply["Response"] != "Success":
            reason = f"AMI refuses the user {user}: {reply.get('Message')}"
            raise LabUnavailable(reason, "Look at manager.conf in the lab's run directory")
        yield client
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        writer.close()
