"""Two channels that talk to each other."""

from __future__ import annotations

import uuid

from adapters.lab.simpbx.channel import Channel
from adapters.lab.simpbx.line import Lines

_NORMAL = 16


async def join(lines: Lines, first: Channel, second: Channel) -> None:
    """Bridge two channels and wait until one of them is to end. ``second`` has the dialplan."""
    bridge = str(uuid.uuid4())
    first.bridge = second.bridge = bridge
    say_bridge(lines, second, "BridgeCreate", bridge, 0)
    _enter(lines, first, bridge, 1)
    _merge(lines, first, second)
    _enter(lines, second, bridge, 2, peer=first.name)
    # A bridge of two answered PJSIP calls ends when somebody leaves; nothing else is simulated.
    await lines.wait(first, 86_400.0, also=second)


def leave_together(lines: Lines, first: Channel, second: Channel) -> None:
    """End a bridge and both its channels; whoever was to end first leaves first."""
    # Seen live: whatever cause was asked for, in a bridge it becomes a normal clearing.
    first.cause, second.cause = first.cause or _NORMAL, second.cause or _NORMAL
    leaver, other = (first, second) if first.leaving else (second, first)
    if first.leaving and second.leaving:
        leaver, other = lines.rng.sample([first, second], 2)
    bridge = leaver.bridge
    for left, one in ((1, leaver), (0, other)):
        peer = other.name if one is leaver and one is second else ""
        extra = {"bridge_id": bridge, "bridge_technology": "native_rtp"}
        lines.cel.write("BRIDGE_EXIT", one, peer, **extra)
        _say(lines, one, "BridgeLeave", bridge, left)
        one.bridge = ""
    say_bridge(lines, other, "BridgeDestroy", bridge, 0, "native_rtp")
    other.leave(leaver.cause, leaver.name)
    lines.soft_hangup(second)
    for one in lines.rng.sample([leaver, other], 2):
        lines.close(one)


def _enter(lines: Lines, channel: Channel, bridge: str, count: int, peer: str = "") -> None:
    extra = {"bridge_id": bridge, "bridge_technology": "simple_bridge"}
    lines.cel.write("BRIDGE_ENTER", channel, peer, **extra)
    _say(lines, channel, "BridgeEnter", bridge, count, "simple_bridge")


def _merge(lines: Lines, first: Channel, second: Channel) -> None:
    """Give both the linked id of the older one, and one order of news from here on."""
    older, newer = (first, second) if first.order < second.order else (second, first)
    old = newer.linkedid
    if lines.channels.link(newer, older.linkedid):
        linked, newer.linkedid = newer.linkedid, old
        lines.cel.write("LINKEDID_END", newer)
        newer.linkedid = linked
    lane = max(first.lane, second.lane, key=lambda one: one.due)
    first.lane = second.lane = lane


def _lines_of(bridge: str, count: int, technology: str) -> str:
    return (
        f"BridgeUniqueid: {bridge}\r\nBridgeType: basic\r\nBridgeTechnology: {technology}\r\n"
        "BridgeCreator: <unknown>\r\nBridgeName: <unknown>\r\n"
        f"BridgeNumChannels: {count}\r\nBridgeVideoSourceMode: none\r\n"
    )


def _say(
    lines: Lines,
    channel: Channel,
    name: str,
    bridge: str,
    count: int,
    technology: str = "native_rtp",
) -> None:
    if lines.bus.wanted(name):
        body = _lines_of(bridge, count, technology) + channel.lines()
        lines.bus.news(channel.lane, name, body)


def say_bridge(
    lines: Lines,
    near: Channel,
    name: str,
    bridge: str,
    count: int,
    technology: str = "simple_bridge",
) -> None:
    """Say something about a bridge itself, in the order of news of the channel ``near``."""
    if lines.bus.wanted(name):
        lines.bus.news(near.lane, name, _lines_of(bridge, count, technology))
