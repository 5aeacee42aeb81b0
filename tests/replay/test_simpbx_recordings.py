"""The simulated PBX says what the real one was recorded to say, scenario by scenario.

Every scenario of the lab is played against the simulated PBX and compared with all its
recordings: the same messages for each leg, with the same values where they matter, in an
order that the recordings show to be possible.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import pytest

from adapters.lab.ami import Message, parse
from adapters.lab.asterisk import AsteriskLab
from adapters.lab.numbers import suffix_world
from adapters.lab.scenarios import BY_SIPP, SCENARIOS
from adapters.lab.scene import Scene
from adapters.lab.simpbx import SimulatedPbx
from adapters.lab.world import Answer, Behaviour

RECORDINGS = Path(__file__).parent / "recordings"

#: Simulated seconds per second.
SPEED = 10.0

#: What the gateway reads; everything else a message carries is beside the point.
FIELDS = (
    *("Event", "ActionID", "Response", "Message", "Reason", "Channel", "ChannelState"),
    *("DestChannel", "DestChannelState", "DialString", "DialStatus", "Context", "Exten"),
    *("DestContext", "DestExten", "CallerIDNum", "ConnectedLineNum", "DestCallerIDNum"),
    *("Uniqueid", "Linkedid", "DestUniqueid", "DestLinkedid", "Cause", "Cause-txt", "TechCause"),
    *("Variable", "Value", "BridgeNumChannels", "BridgeTechnology", "ListItems", "EventList"),
    *("Queue", "Count", "Position", "OriginalPosition", "MemberName", "Interface", "Status"),
    *(
        "Device",
        "State",
        "Shutdown",
        "Restart",
        "CoreCurrentCalls",
        "Application",
        "Items",
    ),
)

#: These are in strict order among themselves, for each channel.
CHANNEL_NEWS = frozenset(
    {"Newstate", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hangup", "VarSet"}
)

#: What else a user without filters is told and the simulated PBX says.
ALL_NEWS = CHANNEL_NEWS - {"VarSet"} | {
    *("Newchannel", "DialState", "HangupRequest", "SoftHangupRequest", "OriginateResponse"),
    *("MusicOnHoldStart", "MusicOnHoldStop"),
}

#: Who is first differs from run to run, and of the unfiltered kind there is one recording each.
OF_TWO_KINDS = {"queue_connected", "queue_abandoned", "queue_nobody", "shutdown_during_call"}

#: Each scenario is played with that many seeds.
SEEDS = 4

Said = tuple[tuple[str, str], ...]
"""One message, reduced to the fields that matter."""


def recordings(name: str) -> list[list[Message]]:
    return [_read(path) for path in sorted(RECORDINGS.glob(f"{name}.*jsonl"))]


def _read(path: Path) -> list[Message]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        parse("\r\n".join(one["lines"]).encode()) for one in lines[1:] if one.get("dir") == "in"
    ]


async def simulated(name: str, folder: Path, seed: int) -> tuple[list[Message], list[Message]]:
    """What the gateway's user and what a user without filters is told."""
    short = Behaviour(answer=Answer.HUMAN, ring_seconds=0.3, talk_seconds=2.0)
    world = suffix_world().with_lines({"+442079460000": short})
    async with (
        SimulatedPbx(
            world,
            seed=seed,
            speed=SPEED,
            gives_reasons=name not in BY_SIPP,
            cel_file=folder / "cel.csv",
            wire_log=folder / "wire.jsonl",
        ) as pbx,
        pbx.session() as ami,
        pbx.session(observer=True) as observer,
    ):
        await ami.event("FullyBooted")
        await observer.event("FullyBooted")
        starts = len(ami.seen), len(observer.seen)
        scene = Scene(cast("AsteriskLab", pbx), ami)
        await SCENARIOS[name](scene)
        await scene.quiet()
        told, all_told = ami.seen[starts[0] :], observer.seen[starts[1] :]
        return [one for _, one in told], [one for _, one in all_told]


def reduced(messages: Iterable[Message]) -> list[Said]:
    """The fields that matter, with what differs from run to run replaced."""
    names: dict[str, str] = {}
    return [
        tuple((key, _plain(message[key], names)) for key in FIELDS if key in message)
        for message in messages
    ]


def _plain(value: str, names: dict[str, str]) -> str:
    value = re.sub(r"\b(PJSIP/\w+)-[0-9a-f]{8}\b", r"\1", value)
    value = re.sub(r"\b1\d{9}\.\d+\b", "an id of the PBX", value)
    # How long speech and silence were, in milliseconds.
    return re.sub(r"^(HUMAN|MAXWORDS|INITIALSILENCE|LONGGREETING)-\d+-\d+$", r"\1", value)


def differences(ours: Sequence[Said], theirs: Sequence[Said]) -> list[str]:
    """What one side says and the other does not, regardless of order."""
    mine, live = Counter(ours), Counter(theirs)
    return [
        *(f"only simulated: {dict(said)}" for said in (mine - live).elements()),
        *(f"only live: {dict(said)}" for said in (live - mine).elements()),
    ]


def unfiltered(messages: Iterable[Message]) -> list[Said]:
    """What a user without filters is told about channels and is simulated.

    A DialState may be written before or after the state of its channel has changed.
    """
    wanted = [one for one in messages if one.get("Event") in ALL_NEWS]
    return [
        tuple(
            (key, value)
            for key, value in said
            if (key, dict(said)["Event"]) != ("DestChannelState", "DialState")
        )
        for said in reduced(wanted)
    ]


def news_by_leg(messages: Sequence[Said]) -> dict[str, list[Said]]:
    """The news of each leg in order: a dial event belongs to the channel that is dialed."""
    legs: dict[str, list[Said]] = {}
    for said in messages:
        fields = dict(said)
        whose = fields.get("DestChannel") or fields.get("Channel")
        if fields.get("Event") in CHANNEL_NEWS and whose:
            unique = fields.get("DestUniqueid") or fields["Uniqueid"]
            legs.setdefault(f"{whose} {unique}", []).append(said)
    return legs


def broken_rules(messages: Sequence[Said]) -> list[str]:
    """What holds between an order, its answer and its call in whatever order all else comes.

    The order is acknowledged before it is answered; a call that succeeded is not over before
    the answer says so. Nothing more is certain (see ami.md 3.4 and the recordings).
    """
    broken: list[str] = []
    acknowledged: set[str] = set()
    over: set[str] = set()
    for said in messages:
        fields = dict(said)
        if "Event" not in fields and fields.get("Response") == "Success":
            acknowledged.add(fields.get("ActionID", ""))
        if fields.get("Event") == "Hangup":
            over.add(fields["Uniqueid"])
        if fields.get("Event") == "OriginateResponse":
            if fields["ActionID"] not in acknowledged:
                broken.append(f"answered before it was acknowledged: {fields}")
            if fields["Response"] == "Success" and fields["Uniqueid"] in over:
                broken.append(f"success after the end: {fields}")
    return broken


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_says_what_asterisk_says(name: str, tmp_path: Path) -> None:
    live = [reduced(messages) for messages in recordings(name)]
    assert live, f"no recording of {name}"
    plays = [simulated(name, tmp_path / str(seed), seed) for seed in range(SEEDS)]
    (full,) = recordings(f"full/{name}")
    for messages, all_messages in await asyncio.gather(*plays):
        ours = reduced(messages)
        assert min((differences(ours, one) for one in live), key=len) == []
        assert broken_rules(ours) == []
        for whose, news in news_by_leg(ours).items():
            assert news in [news_by_leg(one).get(whose) for one in live], whose
        if name not in OF_TWO_KINDS:
            assert differences(unfiltered(all_messages), unfiltered(full)) == []


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_the_rules_of_order_hold_live(path: Path) -> None:
    assert broken_rules(reduced(_read(path))) == []
