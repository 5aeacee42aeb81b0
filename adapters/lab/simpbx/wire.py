"""AMI on the wire: requests off a stream of bytes, messages onto it.

The reader has the limits and the slips of the real one (Asterisk 22.10): a line
buffer of 1024 bytes, 128 headers, a bare LF taken as the end of a line, text
after a NUL ignored, and the last byte of a line too long kept for the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

AMI_VERSION: Final = "11.0.0"
BANNER: Final = f"Asterisk Call Manager/{AMI_VERSION}\r\n".encode()
LINE_BUFFER: Final = 1024
MOST_HEADERS: Final = 128

TOO_LONG: Final = "Failed to parse message: line too long"
TOO_MANY: Final = "Too many lines in message or allocation failure"

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """One action as it came in. ``problem``: what the reader had against it, else empty."""

    lines: tuple[str, ...]
    problem: str = ""

    def get(self, name: str) -> str:
        """Return the first value of a header, without regard to case; empty if there is none."""
        return next(self._values(name), "")

    def all(self, name: str) -> list[str]:
        """Return every value of a header, in order."""
        return list(self._values(name))

    @property
    def action(self) -> str:
        """The action's name; empty headers of that name are passed over."""
        return next(filter(None, self._values("Action")), "")

    @property
    def action_id(self) -> str:
        return self.get("ActionID")

    def _values(self, name: str) -> Iterator[str]:
        wanted = name.lower() + ":"
        for line in self.lines:
            if line[: len(wanted)].lower() == wanted:
                yield line[len(wanted) :].lstrip()


class RequestReader:
    """Turns bytes into requests; feed it whatever arrived."""

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[str] = []
        self._too_long = False
        self._too_many = False

    def feed(self, data: bytes) -> Iterator[Request]:
        """Take bytes, give the requests they complete."""
        while data:
            room = LINE_BUFFER - len(self._buffer)
            self._buffer, data = self._buffer + data[:room], data[room:]
            yield from self._take_lines()
            if len(self._buffer) >= LINE_BUFFER:
                self._buffer = self._buffer[-1:]
                self._too_long = True

    def _take_lines(self) -> Iterator[Request]:
        *whole, self._buffer = self._buffer.split(b"\n")
        for line in whole:
            text, _, _ = line.removesuffix(b"\r").partition(b"\0")
            if text:
                self._keep(text.decode("utf-8", "surrogateescape"))
            else:
                yield self._finish()

    def _keep(self, line: str) -> None:
        if len(self._lines) < MOST_HEADERS:
            self._lines.append(line)
        else:
            self._too_many = True

    def _finish(self) -> Request:
        problem = TOO_MANY if self._too_many else TOO_LONG if self._too_long else ""
        request = Request(tuple(self._lines), problem)
        self._lines = []
        # A message with too many lines does not clear the flag of one too long: so it is there.
        self._too_long = self._too_long and self._too_many
        self._too_many = False
        return request


def message(headers: Iterable[Header]) -> bytes:
    """Write one message."""
    return encode("".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n")


def encode(text: str) -> bytes:
    """Encode text read by :class:`RequestReader`, giving back the very bytes."""
    return text.encode("utf-8", "surrogateescape")


def response(
    request: Request, kind: str, text: str = "", *more: Header, listing: bool = False
) -> bytes:
    """Answer ``request``: ``kind`` is ``Success``, ``Error`` or ``Goodbye``."""
    headers = [("Response", kind)]
    if request.action_id:
        headers.append(("ActionID", request.action_id))
    if listing:
        headers.append(("EventList", "start"))
    if text:
        headers.append(("Message", text))
    return message((*headers, *more))


def list_item(request: Request, event: str, body: str) -> bytes:
    """Write one item of a list; ``body`` is made of ready header lines."""
    action_id = f"ActionID: {request.action_id}\r\n" if request.action_id else ""
    return encode(f"Event: {event}\r\n{action_id}{body}\r\n")


def list_end(request: Request, event: str, count: int, *more: Header) -> bytes:
    """Write the end of a list of ``count`` items."""
    headers = [("Event", event)]
    if request.action_id:
        headers.append(("ActionID", request.action_id))
    return message((*headers, ("EventList", "Complete"), ("ListItems", str(count)), *more))
