"""What Asterisk says about itself: its run, its version, its channels; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from adapters.asterisk.translate import Living
from adapters.asterisk.wire import Packet

__all__ = ["boot_epoch", "is_vulnerable", "living_channels", "missing_right", "missing_rights"]

_VERSION: Final = re.compile(r"(?:certified[/-])?(\d+)\.(\d+)(?:\.(\d+))?")
_FIXED: Final = {18: (18, 24, 2), 20: (20, 9, 2), 21: (21, 4, 2)}
_FIRST_SAFE: Final = 22
_RIGHTS: Final = {b"Originate": "originate", b"Hangup": "call", b"CoreShowChannels": "reporting"}
"""What the gateway does -> the class of ``write`` that allows it."""
_UP: Final = "6"
_TWO: Final = 2


def boot_epoch(status: Packet) -> str:
    """Name the run of Asterisk from its answer to CoreStatus: its start time, by its own clock."""
    return f"{status.get(b'CoreStartupDate')}T{status.get(b'CoreStartupTime')}"


def is_vulnerable(version: str) -> bool:
    """Whether an AMI user who may originate can write files there (CVE-2024-42365)."""
    if not (found := _VERSION.search(version)):
        return False  # built from a branch: nothing is known
    number = tuple(int(part or 0) for part in found.groups())
    if number[0] >= _FIRST_SAFE:
        return False
    return number < _FIXED.get(number[0], (_FIRST_SAFE,))


def missing_right(commands: Packet) -> str:
    """Read the answer to ListCommands, which names what the user may do; "" if nothing is missing.

    Without the check the first order would tell, and every callback would pay with an attempt.
    """
    return next(iter(missing_rights(commands)), "")


def missing_rights(commands: Packet) -> tuple[str, ...]:
    """Name every class of ``write`` that the user lacks."""
    if not commands.get(b"Ping"):
        return ()  # not the list we know, where everybody may ping
    return tuple(right for action, right in _RIGHTS.items() if not commands.get(action))


def living_channels(packets: Iterable[Packet], is_ours: Callable[[str], bool]) -> list[Living]:
    """Read the answer to CoreShowChannels; only channels whose id is ours."""
    channels = [packet for packet in packets if packet.name == b"CoreShowChannel"]
    crowd = Counter(packet.get(b"BridgeId") for packet in channels)
    return [
        Living(
            leg_id=packet.get(b"Uniqueid"),
            channel=packet.get(b"Channel"),
            is_up=packet.get(b"ChannelState") == _UP,
            is_connected=bool(bridge := packet.get(b"BridgeId")) and crowd[bridge] >= _TWO,
        )
        for packet in channels
        if is_ours(packet.get(b"Uniqueid"))
    ]
