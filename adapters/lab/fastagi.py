"""A small FastAGI server: Asterisk asks, a coroutine answers.

One TCP connection per call. Asterisk sends ``agi_...`` lines and a blank
line; then it obeys one command at a time and answers each with one line.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

_MOST_LINES: Final = 200
_ANSWER: Final = re.compile(r"(\d{3})[ -](?:result=(-?\d+))?")
_TIMEOUT_SECONDS: Final = 10.0


class AgiError(Exception):
    """Asterisk refused a command, or said something that is not AGI."""


@dataclass(frozen=True, slots=True)
class AgiCall:
    """One question from Asterisk: ``request`` holds the ``agi_...`` lines."""

    request: Mapping[str, str]
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable. Raises :class:`AgiError` on refusal or unsafe text."""
        if not re.fullmatch(r"[A-Z_]+", name) or not re.fullmatch(r"[A-Za-z0-9_.+-]*", value):
            raise AgiError(f"unsafe variable {name!r} = {value!r}")
        await self.command(f'SET VARIABLE {name} "{value}"')

    async def command(self, line: str) -> int:
        """Send one command, return its result. Raises :class:`AgiError` unless it is obeyed."""
        self._writer.write(line.encode() + b"\n")
        await self._writer.drain()
        answer = (await self._reader.readline()).decode(errors="replace")
        match = _ANSWER.match(answer)
        if match is None or match[1] != "200" or match[2] is None:
            raise AgiError(f"{line}: {answer.strip() or 'connection closed'}")
        return int(match[2])


class FastAgiServer:
    """Listens on loopback and hands each call to ``answer``; an async context manager.

    A question that takes longer than ten seconds, and one whose handler
    fails with :class:`AgiError` or a broken connection, is dropped: Asterisk
    goes on without an answer. Other exceptions of the handler are kept in
    ``failures`` and re-raised at exit.
    """

    def __init__(self, answer: Callable[[AgiCall], Awaitable[None]]) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.failures: list[Exception] = []

    @property
    def port(self) -> int:
        """The loopback port. Raises :class:`RuntimeError` before the start."""
        if self._server is None:
            raise RuntimeError("the FastAGI server is not running")
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1000)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self._server = None
        if self.failures:
            raise ExceptionGroup("calls the world could not answer", self.failures)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="lab-agi-call")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                request = await _read_request(reader)
                await self._answer(AgiCall(request, reader, writer))
        except (AgiError, OSError, ValueError, asyncio.IncompleteReadError):
            pass  # the switch went away or spoke nonsense: the call goes on without an answer
        except Exception as error:  # noqa: BLE001 - a bug of the world: reported at exit
            self.failures.append(error)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read_request(reader: asyncio.StreamReader) -> dict[str, str]:
    request: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        line = (await reader.readuntil(b"\n")).decode(errors="replace").strip()
        if not line:
            return request
        name, colon, value = line.partition(":")
        if not colon:
            raise AgiError(f"not an AGI line: {line!r}")
        request[name] = value.strip()
    raise AgiError("endless AGI request")
