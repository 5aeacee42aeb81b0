"""Bytes of the Asterisk Manager Interface (AMI) to packets and back; pure, no I/O.

A packet stays the bytes it came as: its kind and name are peeked, and a header is looked for only
when somebody asks. Most events on a switch are not about our calls, and for those nothing more than
the name or the channel's id is ever read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

__all__ = ["MAX_LINE", "MAX_MESSAGE", "BadHeader", "Framer", "Packet", "WireError", "check_headers"]

MAX_MESSAGE: Final = 1 << 20
"""Bytes of one message; whoever sends more is not an Asterisk we can follow."""
MAX_LINE: Final = 1000
"""Bytes of one header line that we send; Asterisk refuses more than 1024."""
_MAX_HEADERS: Final = 120
_EOL: Final = b"\r\n"
_END: Final = b"\r\n\r\n"
_GREETING: Final = b"Asterisk Call Manager/"
_MAX_GREETING: Final = 200
_EVENT: Final = b"Event: "
_RESPONSE: Final = b"Response: "
_VARSET: Final = b"VarSet"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# What we ever send. A key that is not here is a mistake of ours, or somebody's injection.
_KEYS: Final = frozenset(
    [
        *("Action", "ActionID", "Async", "CallerID", "Cause", "Channel", "ChannelId", "Context"),
        *("Events", "Exten", "Extension", "Priority", "Secret", "Timeout", "Username", "Variable"),
    ]
)


class WireError(Exception):
    """The other side does not speak AMI as we know it."""


class BadHeader(ValueError):
    """A header must not be sent as it is; the message names the key, never the value."""


class Packet:
    r"""One message from Asterisk. ``name`` is the event's name, or the response's first word.

    Values are text: UTF-8, with bytes that are none shown as ``\xNN``. Keys are matched exactly,
    as Asterisk writes them. A missing header reads as ``""``, like an empty one.
    """

    __slots__ = ("is_event", "name", "raw")

    def __init__(self, raw: bytes, name: bytes, *, is_event: bool) -> None:
        self.raw = raw
        self.name = name
        self.is_event = is_event

    def get(self, key: bytes) -> str:
        """Return the first value under ``key``, or ``""``."""
        needle = b"\r\n%b: " % key
        start = self.raw.find(needle)
        if start < 0:
            return ""
        start += len(needle)
        end = self.raw.find(_EOL, start)
        return self.raw[start : end if end >= 0 else None].decode("utf-8", "backslashreplace")

    def values(self, key: bytes) -> list[str]:
        """Return every value under ``key``, in order; a header may come more than once."""
        return [value for name, value in self.pairs() if name == key.decode()]

    def pairs(self) -> list[tuple[str, str]]:
        """Return all headers in order, repeated and empty ones too."""
        lines = self.raw.decode("utf-8", "backslashreplace").split("\r\n")
        split = (line.partition(": ") for line in lines)
        return [(key, value) for key, colon, value in split if colon]

    @property
    def action_id(self) -> str:
        """The id of the action that this answers, or ``""``."""
        return self.get(b"ActionID")

    id = action_id

    def __repr__(self) -> str:
        # Values may be personal: the name says enough for a log.
        return f"<Packet {self.name.decode('ascii', 'backslashreplace')} {len(self.raw)} bytes>"


class Framer:
    """Cuts a stream of bytes into packets; any chunking of the same bytes gives the same packets.

    ``wanted`` names the events to keep (None keeps all); of VarSet only those for ``variables``,
    if any are named.
    Responses are always kept. ``limit`` is the most bytes one message may have.
    """

    def __init__(
        self,
        wanted: Iterable[bytes] | None = None,
        *,
        variables: Iterable[bytes] = (),
        limit: int = MAX_MESSAGE,
    ) -> None:
        self._wanted = None if wanted is None else frozenset(wanted)
        names = b"|".join(map(re.escape, variables))
        self._variable = re.compile(rb"\r\nVariable: (?:%b)\r\n" % names) if names else None
        self._limit = limit
        self._rest: bytearray = bytearray()
        self._searched = 0
        self.version: str | None = None
        """The protocol version of the greeting, None until it came."""

    def feed(self, data: bytes) -> list[Packet]:
        """Take the next bytes, return the wanted packets completed by them.

        Raises WireError if the peer is no Asterisk or a message is over the limit.
        """
        rest = self._rest
        rest += data
        if self.version is None and not self._greeted():
            return []
        # The end of a message may lie across two chunks; what was searched is not searched again.
        end = rest.rfind(_END, max(0, self._searched - len(_END) + 1))
        if end < 0:
            self._searched = len(rest)
            self._check(len(rest))
            return []
        whole = bytes(rest[:end])
        del rest[: end + len(_END)]
        self._searched = 0
        self._check(len(rest))
        return self._packets(whole.split(_END))

    def _greeted(self) -> bool:
        line, eol, _ = self._rest.partition(_EOL)
        if not _GREETING.startswith(bytes(line[: len(_GREETING)])) or len(line) > _MAX_GREETING:
            message = "the peer does not greet like an Asterisk manager port"
            raise WireError(message)
        if not eol:
            return False
        self.version = line[len(_GREETING) :].decode("ascii", "backslashreplace").strip()
        del self._rest[: len(line) + len(eol)]
        return True

    def _packets(self, messages: Sequence[bytes]) -> list[Packet]:
        wanted, packets = self._wanted, []
        for found in messages:
            raw = found.strip(_EOL)  # some versions send one line end too many
            if raw.startswith(_EVENT):
                end = raw.find(_EOL, 7)
                name = raw[7 : end if end >= 0 else None]
                if wanted is not None and (
                    name not in wanted or (name == _VARSET and self._is_other_variable(raw))
                ):
                    continue
                is_event = True
            elif raw.startswith(_RESPONSE):
                name = raw[len(_RESPONSE) :].partition(_EOL)[0]
                is_event = False
            else:
                _check_shape(raw)
                continue
            self._check(len(raw))
            packets.append(Packet(raw, name, is_event=is_event))
        return packets

    def _is_other_variable(self, raw: bytes) -> bool:
        return self._variable is not None and not self._variable.search(raw)

    def _check(self, size: int) -> None:
        if size > self._limit:
            message = f"a message of more than {self._limit} bytes"
            raise WireError(message)


def _check_shape(raw: bytes) -> None:
    """Pass over headers that are neither event nor answer; anything else is a damaged stream."""
    if raw and b": " not in raw.partition(_EOL)[0]:
        message = "bytes that are no message: something may have been lost"
        raise WireError(message)


def check_headers(headers: Mapping[str, str | Sequence[str]]) -> None:
    """Raise BadHeader unless each header can be sent as exactly one line of AMI.

    Asterisk takes a bare line feed as a line's end too, so no control character passes.
    """
    lines = [
        (key, value)
        for key, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    if len(lines) > _MAX_HEADERS:
        message = f"{len(lines)} headers are more than {_MAX_HEADERS}"
        raise BadHeader(message)
    for key, value in lines:
        if key not in _KEYS:
            message = f"header {key!r} is not one that we send"
            raise BadHeader(message)
        if _CONTROL.search(value):
            message = f"header {key} holds a control character"
            raise BadHeader(message)
        if len(f"{key}: {value}".encode()) >= MAX_LINE:
            message = f"header {key} is longer than {MAX_LINE} bytes"
            raise BadHeader(message)
