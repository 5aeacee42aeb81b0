"""Records what a real Asterisk says on AMI, one file per scenario and order.

``<scenario>.jsonl`` is what the gateway's own user is told (least rights and
server-side filters); ``full/<scenario>.jsonl`` is what a user without filters
is told about the same call. The first line describes the recording; each
further line is one message: ``t`` seconds since the first action, ``dir``
(``out`` to or ``in`` from Asterisk) and ``lines``, the message's header lines.
Ids, channel names, times and ports are replaced by ones that never change.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from adapters.lab.ami import AmiClient, Message, parse
from adapters.lab.asterisk import AMD, DIAL, AsteriskLab
from adapters.lab.numbers import number_for, suffix_world
from adapters.lab.scenarios import BY_SIPP, SCENARIOS
from adapters.lab.scene import Scene
from adapters.lab.world import Answer, Behaviour, World

_SCENE_SECONDS: Final = 60.0
_NOISE_CALLS: Final = 12
_AT_ONCE: Final = 4
_MOST_ORDERS: Final = 4
_ALONE: Final = frozenset({"shutdown_during_call", "power_cut_during_call"})
_ID_HEADERS: Final = (
    "ActionID",
    "Uniqueid",
    "DestUniqueid",
    "Linkedid",
    "DestLinkedid",
    "UniqueID",
)
_NOT_ORDER: Final = frozenset({"RTCPSent", "RTCPReceived"})

Entry = tuple[float, str, bytes]
Line = tuple[float, str, tuple[str, ...]]
"""Seconds since the first action, direction, header lines."""


async def record(
    folder: Path, *, only: Sequence[str] = (), runs: int = 6, say: Callable[[str], None] = print
) -> None:
    """Play the scenarios on fresh labs, some at a time; write the recordings into ``folder``.

    ``only``: names of scenarios, all by default. ``runs``: how often each is
    played; every second time among other calls, to shake the order. Each
    order of messages that was not seen before becomes a file of its own
    (``<scenario>.2.jsonl``, ...), up to four. Raises :class:`KeyError` for an
    unknown name, :class:`TimeoutError` when a scenario does not come to its
    end.
    """
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> None:
        async with turns:
            takes = await _takes(name, runs)
        _write(folder, name, takes)
        say(f"{name}: {len(takes)} order(s) in {runs} runs")

    plays = {name: SCENARIOS[name] for name in only or SCENARIOS}
    async with asyncio.TaskGroup() as group:
        for name in plays:
            group.create_task(one(name))


async def _takes(name: str, runs: int) -> list[Take]:
    takes: list[Take] = []
    far_end: Literal["people", "sipp"] = "sipp" if name in BY_SIPP else "people"
    async with AsteriskLab(_practice_numbers(), far_end=far_end, load_talk_seconds=2.0) as lab:
        for run in range(runs):
            take = await _play(lab, name, noisy=run % 2 == 1 and name not in _ALONE)
            if take.order not in [other.order for other in takes]:
                takes.append(take)
    return takes[:_MOST_ORDERS]


def _practice_numbers() -> World:
    """The published table, but the one who answers stays 2 s only: recordings need no more."""
    short = Behaviour(answer=Answer.HUMAN, ring_seconds=0.3, talk_seconds=2.0)
    return suffix_world().with_lines({"+442079460000": short})


def _write(folder: Path, name: str, takes: Sequence[Take]) -> None:
    for old in (*folder.glob(f"{name}.*jsonl"), *folder.glob(f"full/{name}.*jsonl")):
        old.unlink()
    for number, take in enumerate(takes, 1):
        suffix = f".{number}" if number > 1 else ""
        take.write(folder / f"{name}{suffix}.jsonl", "gateway", take.filtered)
    takes[0].write(folder / "full" / f"{name}.jsonl", "unfiltered", takes[0].full)


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One played scenario, as the two sessions saw it, already normalised."""

    name: str
    version: str
    filtered: tuple[Line, ...]
    full: tuple[Line, ...]

    @property
    def order(self) -> tuple[tuple[str, ...], ...]:
        """The sequence of messages by kind and channel, without times."""
        return tuple(
            tuple(line for line in lines if line.split(":")[0] in _ORDER_HEADERS)
            for _, direction, lines in self.filtered
            if direction == "in"
        )

    def write(self, path: Path, session: str, entries: Sequence[Line]) -> None:
        """Write what one of the two sessions saw."""
        path.parent.mkdir(parents=True, exist_ok=True)
        note = " ".join((SCENARIOS[self.name].__doc__ or "").split())
        head = {"scenario": self.name, "note": note, "asterisk": self.version, "session": session}
        body = ({"t": t, "dir": way, "lines": lines} for t, way, lines in entries)
        path.write_text("".join(json.dumps(one) + "\n" for one in (head, *body)), "utf-8")


_ORDER_HEADERS: Final = frozenset(
    {"Event", "Response", "Uniqueid", "DestUniqueid", "ChannelStateDesc", "Variable", "DialStatus"}
)


async def _play(lab: AsteriskLab, name: str, *, noisy: bool) -> Take:
    async with AsyncExitStack() as stack:
        observer = await stack.enter_async_context(lab.session(observer=True))
        ami = await stack.enter_async_context(lab.session())
        await ami.event("FullyBooted")
        await observer.event("FullyBooted")
        other = await stack.enter_async_context(lab.session()) if noisy else None
        scene = Scene(lab, ami)
        starts = len(ami.transcript), len(observer.transcript)
        async with asyncio.timeout(_SCENE_SECONDS), asyncio.TaskGroup() as group:
            if other is not None:
                group.create_task(_noise(other))
            await SCENARIOS[name](scene)
            await scene.quiet()
        filtered = _own(ami.transcript[starts[0] :], scene.ids)
        full = _own(observer.transcript[starts[1] :], scene.ids)
    begin = filtered[0][0]
    return Take(
        name=name,
        version=lab.installation.version.partition("+")[0],
        filtered=tuple(Normaliser(lab.run_dir, begin).entries(filtered)),
        full=tuple(Normaliser(lab.run_dir, begin).entries(full)),
    )


async def _noise(ami: AmiClient) -> None:
    """Place some short calls and wait for their end."""
    noise = [f"kairosnoise{n:2>21}" for n in range(_NOISE_CALLS)]
    for n, one in enumerate(noise):
        number = number_for(("leaves", "busy", "decline", "congestion")[n % 4], n)
        where = {"Context": AMD, "Exten": "agent80", "Priority": "1", "Timeout": "5000"}
        more = {"Async": "true", "ChannelId": one, "ActionID": one}
        await ami.action("Originate", {"Channel": DIAL.format(number=number), **where, **more})
    for one in noise:
        await ami.event("Hangup", Uniqueid=one)


def _own(transcript: Sequence[Entry], ids: set[str]) -> list[Entry]:
    """Leave out what belongs to other calls: everything that names none of our ids.

    Channels that a call of ours begets carry its id as Linkedid; queue and
    device messages without any id belong to nobody and stay.
    """
    own: list[Entry] = []
    known = set(ids)
    for entry in transcript:
        message = parse(entry[2])
        if message.get("Event") in _NOT_ORDER:
            continue
        named = {message[header] for header in _ID_HEADERS if message.get(header)}
        if named & known:
            known |= {v for k, v in message.items() if k in ("Uniqueid", "DestUniqueid") and v}
            own.append(entry)
        elif not named and _about_nobody(message):
            own.append(entry)
    return own


def _about_nobody(message: Message) -> bool:
    return message.get("Event", "") in {
        "QueueMemberStatus",
        "DeviceStateChange",
        "Shutdown",
        "FullyBooted",
    }


class Normaliser:
    """Replaces what differs from run to run by what never does, in order of appearance."""

    def __init__(self, run_dir: Path, begin: float) -> None:
        self._run_dir = str(run_dir)
        self._begin = begin
        self._wall = time.time() - (asyncio.get_running_loop().time() - begin)
        self._names: dict[str, dict[str, str]] = {}

    def entries(self, entries: Sequence[Entry]) -> Iterator[Line]:
        """Yield time in seconds since the begin, direction and clean header lines."""
        for at, direction, block in entries:
            lines = block.decode(errors="backslashreplace").split("\r\n")
            after = round(at - self._begin, 3)
            yield after, direction, tuple(self._line(line) for line in lines)

    def _line(self, line: str) -> str:
        if line.startswith("Timestamp: "):
            stamp = float(line.partition(" ")[2]) - self._wall
            return f"Timestamp: {1700000000 + stamp:.6f}"
        line = line.replace(self._run_dir, "/lab")
        line = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", self._uuid, line)
        line = re.sub(r"\bPJSIP/(\w+)-([0-9a-f]{8})\b", self._channel, line)
        line = re.sub(r"\b1\d{9}\.\d{1,5}\b", self._unique_id, line)
        line = re.sub(r"(127\.0\.0\.1:)\d+", r"\g<1>5060", line)
        return re.sub(r"\b(ssrc|themssrc)=\d+", r"\1=1", line)

    def _nth(self, kind: str, name: str, pattern: str) -> str:
        known = self._names.setdefault(kind, {})
        return known.setdefault(name, pattern.format(len(known)))

    def _uuid(self, found: re.Match[str]) -> str:
        return self._nth("uuid", found[0], "00000000-0000-4000-8000-{:012x}")

    def _channel(self, found: re.Match[str]) -> str:
        return self._nth("channel", found[0], f"PJSIP/{found[1]}-{{:08x}}")

    def _unique_id(self, found: re.Match[str]) -> str:
        return self._nth("uniqueid", found[0], "1700000000.{}")
