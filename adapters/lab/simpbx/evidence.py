"""What is written down outside memory: the PBX's CEL file and the far end's wire log.

Both are opened for appending and flushed line by line, so that what was
written survives a kill of the process.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from adapters.lab.people import WireCall

if TYPE_CHECKING:
    from adapters.lab.simpbx.channel import Channel


class CelFile:
    """Channel event log in the format of the lab's ``cel_custom.conf``."""

    def __init__(self, path: Path | None) -> None:
        self._file = _open(path)

    def write(self, kind: str, channel: Channel, peer: str = "", **extra: object) -> None:
        """Append one row about ``channel``; on disk (of the kernel) on return."""
        if self._file is None:
            return
        more = json.dumps(extra, separators=(",", ":")) if extra else ""
        fields = (
            *(kind, f"{time.time():.6f}", channel.uniqueid, channel.linkedid, channel.name),
            *(channel.context, channel.exten, peer, more),
        )
        self._file.write(",".join('"' + one.replace('"', '""') + '"' for one in fields) + "\n")
        self._file.flush()

    def hangup(self, channel: Channel) -> None:
        """Append the two rows of a channel's end."""
        self.write(
            "HANGUP",
            channel,
            hangupcause=channel.cause,
            hangupsource=channel.hangup_source,
            dialstatus=channel.dial_status,
        )
        self.write("CHAN_END", channel)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class WireLine:
    """One line of the wire log.

    ``what``: ``boot`` (a PBX started: whatever was alive is gone), ``originate``
    (an order arrived), ``placed`` (a call reached the far end) or ``ended`` (it
    is over there). ``mono``: the machine's monotonic clock in seconds; ``at``:
    aware UTC. ``more`` holds the rest: ``number``, ``channel_id``, ``call_id``...
    """

    what: str
    mono: float
    at: datetime
    more: dict[str, Any]

    @property
    def channel_id(self) -> str:
        return str(self.more.get("channel_id", ""))

    @property
    def number(self) -> str:
        return str(self.more.get("number", ""))

    @property
    def call_id(self) -> str:
        return str(self.more.get("call_id", ""))


class WireLog:
    """The far end's own record, kept without any help from the gateway."""

    def __init__(self, path: Path | None) -> None:
        self._file = _open(path)

    def write(self, what: str, **more: object) -> None:
        """Append one line; on disk (of the kernel) on return."""
        if self._file is None:
            return
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        line = {"what": what, "mono": round(time.monotonic(), 6), "at": at, **more}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def read_wire(path: Path) -> list[WireLine]:
    """Read a wire log, oldest line first; a torn last line is left out.

    Raises :class:`ValueError` for a line that is none.
    """
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [_wire_line(line) for line in whole.splitlines()]


def _wire_line(text: str) -> WireLine:
    more: dict[str, Any] = json.loads(text)
    try:
        what, mono, at = more.pop("what"), more.pop("mono"), more.pop("at")
    except (AttributeError, KeyError) as error:
        raise ValueError(f"not a line of the wire log: {text!r}") from error
    return WireLine(what=what, mono=mono, at=datetime.fromisoformat(at), more=more)


def wire_calls(lines: list[WireLine]) -> list[WireCall]:
    """Return the calls that reached the far end, as the real lab reports them."""
    return [
        WireCall(
            at=line.at,
            number=line.number,
            attempt=line.more["attempt"],
            answer=line.more["answer"],
            ring_seconds=line.more["ring_seconds"],
            talk_seconds=line.more["talk_seconds"],
            caller=line.more["caller"],
            channel_id=line.channel_id,
            sip_call_id=line.call_id,
        )
        for line in lines
        if line.what == "placed"
    ]


def last_boot(path: Path | None) -> float:
    """Return the boot time (Unix seconds) of the last start in a wire log; 0 if there is none."""
    lines = [] if path is None else read_wire(path)
    return max((float(one.more["epoch"]) for one in lines if one.what == "boot"), default=0.0)


def _open(path: Path | None) -> IO[str] | None:
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a", encoding="utf-8")
