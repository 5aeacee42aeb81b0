"""What the PBX's side wrote down by itself: its channel event log, and the far end's wire log.

Read for the auditor, with the standard library alone; nothing of Kairos is known here. Times are
Unix seconds.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

#: How the far end turns a call down without the person's telephone having been tried.
NEVER_RANG: Final = frozenset({"not_found", "congestion", "forbidden"})
#: A person lifts the receiver.
PEOPLE: Final = frozenset({"human", "silent", "answers_and_leaves"})
_TURNED_DOWN: Final = {
    "busy": "busy",
    "decline": "rejected",
    "not_found": "invalid_number",
    "unavailable": "no_answer",
    "congestion": "congestion",
    "forbidden": "failed",
    "hangs_up_ringing": "no_answer",
    "ring_out": "no_answer",
    "no_reply": "no_answer",
}


@dataclass(slots=True)
class Call:
    """One channel. ``orders`` that arrived for it, ``channels`` made, calls ``placed`` outside.

    ``meant``: how the far end decided to behave. ``ended_by``: ``far``, ``near``, ``refused`` or
    ``timeout`` where the far end tells. ``cut``: the PBX died with it.
    """

    channel_id: str
    number: str = ""
    orders: int = 0
    channels: int = 0
    placed: int = 0
    began: float | None = None
    answered: float | None = None
    connected: float | None = None
    ended: float | None = None
    meant: str = ""
    ended_by: str = ""
    context: str = ""
    cut: bool = False

    @property
    def existed(self) -> bool:
        """Whether there was a call, and not only an order for one."""
        return self.began is not None

    def truth(self, agentless: frozenset[str]) -> str:
        """Return the disposition it deserves, or nothing where this side cannot tell."""
        if self.cut or not self.meant or (self.answered and self.meant not in PEOPLE):
            return ""
        if self.answered:
            talked = self.connected is not None or self.context in agentless
            return "answered_human" if talked else "abandoned"
        if self.ended_by == "near":
            return "canceled"
        if self.ended_by == "timeout" or self.meant in PEOPLE:
            return "no_answer" if self.ended else ""
        return _TURNED_DOWN.get(self.meant, "")

    def reached_somebody(self, agentless: frozenset[str]) -> float | None:
        """Return when a person was connected, or None."""
        if self.meant not in PEOPLE or self.answered is None:
            return None
        return self.answered if self.context in agentless else self.connected


@dataclass(slots=True)
class PbxSide:
    """Everything read. ``boots``: when the PBX started; ``nameless``: calls without channel id."""

    calls: dict[str, Call] = field(default_factory=dict)
    boots: list[float] = field(default_factory=list)
    nameless: list[Call] = field(default_factory=list)

    def call(self, channel_id: str) -> Call:
        return self.calls.setdefault(channel_id, Call(channel_id))

    def finish(self) -> None:
        """End the calls that died with the PBX."""
        for call in self.calls.values():
            if call.began is None:
                continue
            after = [boot for boot in self.boots if boot > call.began]
            if after and (call.ended is None or call.ended > after[0]):
                call.ended, call.cut = after[0], True


def read_wire_log(path: Path, side: PbxSide) -> None:
    """Take in what the far end wrote: lines of JSON, of the simulated PBX or of the real lab's."""
    for line in _whole_lines(path):
        row: dict[str, Any] = json.loads(line)
        at = datetime.fromisoformat(row["at"]).timestamp()
        _take_wire(side, str(row.get("what", "placed")), at, row)


def _take_wire(side: PbxSide, what: str, at: float, row: dict[str, Any]) -> None:
    channel_id = str(row.get("channel_id", ""))
    if what == "boot":
        side.boots.append(at)
        return
    if not channel_id:
        if what == "placed":
            nameless = Call("", number=str(row["number"]), placed=1, began=at, meant=row["answer"])
            side.nameless.append(nameless)
        return
    call = side.call(channel_id)
    call.number = str(row["number"])
    if what == "originate":
        call.orders += 1
    elif what == "placed":
        call.placed += 1
        call.began = at if call.began is None else min(call.began, at)
        call.meant = str(row["answer"])
    elif what == "ended":
        call.ended = call.ended or at
        call.ended_by = str(row["by"])
        if row["answered"] and call.answered is None:
            call.answered = at


def read_cel(path: Path, side: PbxSide) -> None:
    """Take in Asterisk's channel event log, as the lab's ``cel_custom.conf`` writes it."""
    bridges: dict[str, set[str]] = {}
    for row in csv.reader(_whole_lines(path)):
        kind, at, channel_id, context, extra = row[0], float(row[1]), row[2], row[5], row[8]
        call = side.call(channel_id)
        if kind == "CHAN_START":
            call.channels += 1
            call.began = at if call.began is None else min(call.began, at)
        elif kind == "ANSWER":
            call.answered = at if call.answered is None else min(call.answered, at)
        elif kind in {"BRIDGE_ENTER", "BRIDGE_EXIT"}:
            members = bridges.setdefault(json.loads(extra)["bridge_id"], set())
            if kind == "BRIDGE_EXIT":
                members.discard(channel_id)
                continue
            members.add(channel_id)
            for member in members if len(members) > 1 else ():
                side.call(member).connected = side.call(member).connected or at
        elif kind in {"HANGUP", "CHAN_END"}:
            call.ended = at if call.ended is None else min(call.ended, at)
            call.context = context


def pair_nameless(side: PbxSide, numbers: dict[str, str]) -> None:
    """Give calls that came without a channel id to the channel that made them.

    ``numbers``: whom each channel was to call, from the books. A call goes to the first channel
    towards its number that began up to ten seconds before and has none yet; what is left over
    stays in ``nameless``.
    """
    free = sorted(
        (call for call in side.calls.values() if call.existed and not call.placed),
        key=lambda call: call.began or 0.0,
    )
    left: list[Call] = []
    for far in sorted(side.nameless, key=lambda call: call.began or 0.0):
        at = far.began or 0.0
        mine = (
            call
            for call in free
            if numbers.get(call.channel_id) == far.number
            and not call.placed
            and -0.05 <= at - (call.began or 0.0) < 10.0
        )
        found = next(mine, None)
        if found is None:
            left.append(far)
            continue
        found.placed, found.number, found.meant = 1, far.number, far.meant
    side.nameless = left


def _whole_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file; a torn last one is left out."""
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    yield from filter(None, whole.splitlines())
