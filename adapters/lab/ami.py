"""A tiny raw AMI client, for the lab's own needs: readiness, recording, tests.

It knows nothing of the gateway or its AMI library, so that it can bear
witness about both.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from adapters.lab.errors import LabUnavailable

_END: Final = b"\r\n\r\n"
Message = dict[str, str]
"""One AMI message. A header that comes more than once has its lines joined by newlines."""


@dataclass(slots=True)
class AmiClient:
    """One AMI session. Every message that arrives is kept in ``seen``, in order.

    ``seen`` holds pairs of the loop's time in seconds and the message;
    ``transcript`` what was said in both directions, as bytes: the time,
    ``out`` or ``in``, and the message without its blank line.
    """

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    seen: list[tuple[float, Message]] = field(default_factory=list)
    transcript: list[tuple[float, str, bytes]] = field(default_factory=list)
    closed: bool = False
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    async def action(
        self,
        name: str,
        headers: Mapping[str, str | Sequence[str]] | None = None,
        *,
        within: float = 5.0,
    ) -> Message:
        """Send an action and return its reply, within ``within`` seconds.

        A header with several values is sent once for each. An ActionID is
        made unless one is given. Raises :class:`TimeoutError`.
        """
        given = {"ActionID": f"lab-{next(self._ids)}", **(headers or {})}
        action_id = given["ActionID"]
        lines = [f"Action: {name}"]
        for key, value in given.items():
            lines += [f"{key}: {one}" for one in ([value] if isinstance(value, str) else value)]
        block = "\r\n".join(lines).encode()
        self.transcript.append((asyncio.get_running_loop().time(), "out", block))
        self._writer.write(block + _END)
        return await self.wait_for(
            lambda m: "Response" in m and "Event" not in m and m.get("ActionID") == action_id,
            within=within,
        )

    async def event(self, name: str, *, within: float = 10.0, **wanted: str) -> Message:
        """Return the first event ``name`` so far or yet to come with the ``wanted`` headers.

        Raises :class:`TimeoutError` after ``within`` seconds.
        """
        return await self.wait_for(
            lambda m: m.get("Event") == name and all(m.get(k) == v for k, v in wanted.items()),
            within=within,
        )

    async def wait_for(
        self, matches: Callable[[Message], bool], *, within: float = 10.0
    ) -> Message:
        """Return the first message, past or future, that ``matches``.

        Raises :class:`TimeoutError`, and :class:`ConnectionError` once the session is over.
        """
        checked = 0
        async with asyncio.timeout(within), self._arrived:
            while True:
                while checked < len(self.seen):
                    message = self.seen[checked][1]
                    checked += 1
                    if matches(message):
                        return message
                if self.closed:
                    raise ConnectionError("the AMI session is over")
                await self._arrived.wait()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        await self._reader.readline()  # the banner
        try:
            while True:
                block = await self._reader.readuntil(_END)
                async with self._arrived:
                    self.transcript.append((loop.time(), "in", block.removesuffix(_END)))
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
async def ami_session(host: str, port: int, user: str, secret: str) -> AsyncIterator[AmiClient]:
    """Log in and give an :class:`AmiClient`; log off at the end.

    Raises :class:`OSError` when nobody listens, :class:`LabUnavailable` when it is refused.
    """
    async with asyncio.timeout(5.0):
        reader, writer = await asyncio.open_connection(host, port, limit=2**20)
    client = AmiClient(reader, writer)
    listener = asyncio.create_task(client._listen(), name="lab-ami")  # noqa: SLF001 - same module
    try:
        reply = await client.action("Login", {"Username": user, "Secret": secret})
        if reply["Response"] != "Success":
            raise LabUnavailable(
                f"AMI refuses the user {user}: {reply.get('Message')}",
                "Look at manager.conf in the lab's run directory",
            )
        yield client
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        writer.close()
