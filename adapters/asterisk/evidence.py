"""Lasting evidence: the channel event log (CEL) that Asterisk writes as CSV beside us.

A call that ended while nobody listened is read up here. That a call was *not* placed is said only
when it is proved: the file was followed from before the order on, was still being written after it
by the same run of Asterisk, and holds nothing of the leg.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Final

import structlog

from adapters.asterisk.calls import LEG_ID_LENGTH
from gateway.domain.causes import read_causes
from gateway.domain.disposition import Disposition
from gateway.domain.events import Finding
from gateway.domain.model import Evidence, Leg

__all__ = ["CelFile", "Trace", "Traces", "judge"]

_log = structlog.get_logger(__name__)
_D = Disposition
_CHUNK: Final = 1 << 20
_FIRST_READ: Final = 64 << 20
"""Bytes from the file's end that are read the first time."""
_MOST: Final = 64 << 20
"""Bytes read in one go at most; the rest waits for the next."""
_KEPT: Final = 50_000
_MISSED_ROTATION: Final = 600.0
"""Seconds not looked at after which more than one rotation may have gone by."""
_COLUMNS: Final = 9
_BY_DIAL_STATUS: Final = {"BUSY": _D.BUSY, "CONGESTION": _D.CONGESTION, "NOANSWER": _D.NO_ANSWER}


@dataclass(slots=True)
class Trace:
    """What the log says of one leg; times are seconds since 1970."""

    answered: float | None = None
    connected: float | None = None
    ended: float | None = None
    cause: int | None = None
    dial_status: str = ""


@dataclass(slots=True)
class Traces:
    """What was read: legs, and from when (``since``) to when (``until``) nothing is missing."""

    legs: dict[str, Trace] = field(default_factory=dict)
    bridges: dict[str, list[Trace]] = field(default_factory=dict, repr=False)
    since: float | None = None
    until: float | None = None

    def add(self, row: list[str], is_ours: str) -> None:
        """Take one row; ``is_ours`` is the prefix of our leg ids. Raises ValueError, IndexError."""
        kind, stamp, uniqueid, peer, extra = row[0], float(row[1]), row[2], row[7], row[8]
        details = json.loads(extra) if extra.startswith("{") else {}
        trace = None
        if len(uniqueid) == LEG_ID_LENGTH and uniqueid.startswith(is_ours):
            trace = self.legs.setdefault(uniqueid, Trace())
            if len(self.legs) > _KEPT:
                del self.legs[next(iter(self.legs))]
                self.since = stamp  # what is older may have been forgotten
        if kind == "BRIDGE_ENTER":
            self._bridged(details.get("bridge_id", ""), trace, stamp, alone=not peer)
        if trace is None:
            return
        if kind == "ANSWER":
            trace.answered = trace.answered or stamp
        elif kind == "BRIDGE_EXIT":
            self.bridges.pop(details.get("bridge_id", ""), None)
        elif kind in {"HANGUP", "CHAN_END"}:
            trace.ended = trace.ended or stamp
            if kind == "HANGUP":
                trace.cause = int(details.get("hangupcause", 0))
                trace.dial_status = str(details.get("dialstatus", ""))

    def _bridged(self, bridge: str, trace: Trace | None, stamp: float, *, alone: bool) -> None:
        members = self.bridges.setdefault(bridge, [])
        if trace:
            members.append(trace)
        if not alone:
            for member in members:
                member.connected = member.connected or stamp
        if not members or len(self.bridges) > _KEPT:
            del self.bridges[bridge]


class CelFile:
    """Follows one file across rotation (rename or truncation), each byte read once."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._path = path
        self._prefix = prefix
        self._mark = f'"{prefix}'.encode()
        self._file: IO[bytes] | None = None
        self._rest = b""
        self._looked = 0.0
        # One thread, kept: who gives up on a disk that hangs must not wait for it, nor read twice.
        self._thread: ThreadPoolExecutor | None = None
        self._complained = ""
        self.traces = Traces()

    async def refresh(self, now: datetime) -> Traces:
        """Read what was written since the last time, in a thread. Never raises for the file."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "cel")
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self.read, now.timestamp())
        return self.traces

    def read(self, now: float) -> None:
        """Read what is new; ``now`` in seconds since 1970. Blocks on the disk."""
        try:
            if self._file is None:
                self._open(now)
            left = self._drain(_MOST)
            if left and self._is_replaced():
                self.close()
                self._open(now)
                self._drain(left)
            self._looked = now
            self._complained = ""
        except FileNotFoundError:
            # Not written yet: watched all the same, and the rows to come will be all there are.
            if self.traces.since is None:
                self.traces.since = self._looked = now
            self._complain("it is not there (yet)")
        except OSError as error:
            self._complain(error.strerror or "cannot be read")

    def end(self) -> None:
        """Close the file once nothing reads it any more, without waiting for that."""
        thread, self._thread = self._thread, None
        if thread is None:
            self.close()
        else:
            thread.submit(self.close)
            thread.shutdown(wait=False)

    def close(self) -> None:
        """Let go of the file; the next read starts where it then begins."""
        if self._file:
            self._file.close()
        self._file, self._rest = None, b""

    def _open(self, now: float) -> None:
        first = self.traces.since is None
        self._file = self._path.open("rb")
        size = os.fstat(self._file.fileno()).st_size
        if first and size > _FIRST_READ:
            self._file.seek(size - _FIRST_READ)
            self._file.readline()
        if first or now - self._looked > _MISSED_ROTATION:
            # Rows that are there already reach further back than our watching.
            self.traces.since = now
            line = self._file.readline()
            self._file.seek(-len(line), os.SEEK_CUR)
            if (row := _row(line)) is not None:
                self.traces.since = min(now, float(row[1]))

    def _is_replaced(self) -> bool:
        if self._file is None:
            return False
        ours, theirs = os.fstat(self._file.fileno()), self._path.stat()
        if theirs.st_size < self._file.tell() and ours.st_ino == theirs.st_ino:
            self._looked = float("-inf")  # cut off in place: rows may be lost
            return True
        return (ours.st_dev, ours.st_ino) != (theirs.st_dev, theirs.st_ino)

    def _drain(self, budget: int) -> int:
        """Take up to ``budget`` bytes; returns what is left of it, 0 when there may be more."""
        while self._file and budget > 0:
            chunk = self._file.read(_CHUNK)
            if not chunk:
                return budget
            budget -= len(chunk)
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self._take(lines)
            if len(self._rest) > _CHUNK:
                self._rest = b""
                self._complain("it has a line of more than a megabyte")
        return 0

    def _take(self, lines: list[bytes]) -> None:
        for line in lines:
            if self._mark not in line:
                continue
            try:
                if row := _row(line):
                    self.traces.add(row, self._prefix)
            except (ValueError, IndexError, AttributeError):
                self._complain("it has a row that is not as our cel_custom.conf writes them")
        # Any row, of whatever call, shows that the log was still being written then.
        for line in reversed(lines):
            if row := _row(line):
                self.traces.until = max(self.traces.until or 0.0, float(row[1]))
                break

    def _complain(self, what: str) -> None:
        if what != self._complained:
            self._complained = what
            _log.warning("cel.unreadable", problem=what)


def _row(line: bytes) -> list[str] | None:
    """Split a line into its columns; None if it is not a row of ours."""
    text = line.decode("utf-8", "backslashreplace").strip()
    try:
        row = next(iter(csv.reader([text], strict=True)), [])
        float(row[1])
    except (csv.Error, ValueError, IndexError):
        return None
    return row if len(row) >= _COLUMNS else None


def judge(leg: Leg, traces: Traces, epoch: str, now: datetime, settle: float) -> Finding | None:
    """Say what the log knows about a leg; None if not even that it was asked about makes sense.

    ``epoch`` names the present run of Asterisk; ``settle`` seconds after the order its absence
    begins to mean something.
    """
    if leg.sending_at is None:
        return None
    if (trace := traces.legs.get(leg.id)) is not None:
        return _placed(leg, trace, same_run=leg.boot_epoch == epoch or not epoch)
    settled = leg.sending_at + timedelta(seconds=settle)
    proved = (
        leg.boot_epoch == epoch != ""
        and now >= settled
        and traces.since is not None
        and traces.since <= leg.sending_at.timestamp()
        and traces.until is not None
        and traces.until > settled.timestamp()
    )
    return Finding(leg_id=leg.id, placed=False if proved else None, evidence=Evidence(source="cel"))


def _placed(leg: Leg, trace: Trace, *, same_run: bool) -> Finding:
    disposition = None
    if trace.ended is not None:
        disposition = _D.ANSWERED_HUMAN if trace.answered else _unanswered(trace)
    elif not same_run:
        # Asterisk died with the call: it is over, and its end was never written.
        disposition = _D.ANSWERED_HUMAN if trace.answered else _D.UNRESOLVED
    return Finding(
        leg_id=leg.id,
        placed=True,
        disposition=disposition,
        evidence=Evidence(source="cel", cause=trace.cause, dial_status=trace.dial_status),
        answered_at=_time(trace.answered),
        connected_at=_time(trace.connected),
        ended_at=_time(trace.ended),
    )


def _unanswered(trace: Trace) -> Disposition:
    by_cause = read_causes(cause=trace.cause, tech_cause=None)
    if by_cause is None or by_cause is _D.FAILED:
        return _BY_DIAL_STATUS.get(trace.dial_status) or by_cause or _D.FAILED
    return by_cause


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
