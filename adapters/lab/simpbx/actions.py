"""The AMI actions, but for Login and Originate: what they ask for and what they answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from adapters.lab.simpbx.channel import UP, Channel
from adapters.lab.simpbx.users import ALL, CALL, ORIGINATE, REPORTING, SYSTEM, privilege, rights
from adapters.lab.simpbx.wire import (
    AMI_VERSION,
    Request,
    encode,
    list_end,
    list_item,
    message,
    response,
)

if TYPE_CHECKING:
    from adapters.lab.simpbx.exchange import Exchange

VERSION: Final = "22.10.1 (simulated)"

Reply = Callable[["Exchange", Request], bytes]


def ping(_: Exchange, request: Request) -> bytes:
    return response(request, "Success", "", ("Ping", "Pong"), ("Timestamp", f"{time.time():.6f}"))


def list_commands(request: Request, held: int) -> bytes:
    """Name the actions a user with these rights may ask for: only so much of the list is true."""
    named = [("Originate", ORIGINATE), *((_NAMES[key], ACTIONS[key][0]) for key in _NAMES)]
    allowed = [(name, needed) for name, needed in sorted(named) if permitted(needed, held)]
    texts = [
        (name, f"(Priv: {privilege(needed) if needed else '<none>'})") for name, needed in allowed
    ]
    return response(request, "Success", "", *texts)


def core_status(exchange: Exchange, request: Request) -> bytes:
    started = datetime.fromtimestamp(exchange.booted, UTC).astimezone()
    date, clock = started.strftime("%Y-%m-%d"), started.strftime("%H:%M:%S")
    return response(
        request,
        "Success",
        "",
        ("CoreStartupDate", date),
        ("CoreStartupTime", clock),
        ("CoreReloadDate", date),
        ("CoreReloadTime", clock),
        ("CoreCurrentCalls", str(len(exchange.lines.channels))),
        ("CoreProcessedCalls", str(exchange.lines.channels.placed)),
    )


def core_settings(_: Exchange, request: Request) -> bytes:
    return response(
        request,
        "Success",
        "",
        ("AMIversion", AMI_VERSION),
        ("AsteriskVersion", VERSION),
        ("SystemName", ""),
        ("CoreMaxCalls", "0"),
        ("CoreMaxLoadAvg", "0.000000"),
        ("CoreRunUser", ""),
        ("CoreRunGroup", ""),
        ("CoreMaxFilehandles", "0"),
        ("CoreRealTimeEnabled", "No"),
        ("CoreCDRenabled", "Yes"),
        ("CoreHTTPenabled", "No"),
        ("SoundsSearchCustomDir", "No"),
    )


def core_show_channels(exchange: Exchange, request: Request) -> bytes:
    parts = [response(request, "Success", "Channels will follow", listing=True)]
    for one in exchange.lines.channels:
        age = int(time.time() - one.created)
        parts.append(
            list_item(
                request,
                "CoreShowChannel",
                f"{one.lines()}Application: {one.application}\r\nApplicationData: {one.data}\r\n"
                f"Duration: {age // 3600:02d}:{age % 3600 // 60:02d}:{age % 60:02d}\r\n"
                f"BridgeId: {one.bridge}\r\n",
            )
        )
    parts.append(list_end(request, "CoreShowChannelsComplete", len(parts) - 1))
    return b"".join(parts)


def status(exchange: Exchange, request: Request) -> bytes:
    channels = list(exchange.lines.channels)
    if name := request.get("Channel"):
        found = exchange.lines.channels.named(name)
        if found is None:
            return response(request, "Error", "No such channel")
        channels = [found]
    parts = [response(request, "Success", "Channel status will follow", listing=True)]
    parts += [_status_of(request, one) for one in channels]
    count = len(channels)
    parts.append(list_end(request, "StatusComplete", count, ("Items", str(count))))
    return b"".join(parts)


def _status_of(request: Request, one: Channel) -> bytes:
    codec = "ulaw" if one.state == UP else "slin"
    action_id = f"ActionID: {request.action_id}\r\n" if request.action_id else ""
    return (
        f"Event: Status\r\nPrivilege: Call\r\n{one.lines()}"
        "Type: PJSIP\r\nDNID: \r\n"
        f"EffectiveConnectedLineNum: {one.connected[0] or '<unknown>'}\r\n"
        f"EffectiveConnectedLineName: {one.connected[1] or '<unknown>'}\r\n"
        f"TimeToHangup: 0\r\nBridgeID: {one.bridge}\r\n"
        f"Application: {one.application}\r\nData: {one.data}\r\n"
        f"Nativeformats: (ulaw)\r\nReadformat: {codec}\r\nReadtrans: \r\nWriteformat: {codec}\r\n"
        "Writetrans: \r\nCallgroup: 0\r\nPickupgroup: 0\r\n"
        f"Seconds: {int(time.time() - one.created)}\r\n{action_id}\r\n"
    ).encode("utf-8", "surrogateescape")


def queue_status(exchange: Exchange, request: Request) -> bytes:
    items = list(exchange.lines.devices.list_queues())
    return _listing(request, "Queue status will follow", "QueueStatusComplete", items)


def device_state_list(exchange: Exchange, request: Request) -> bytes:
    items = list(exchange.lines.devices.list_states())
    text = "Device State Changes will follow"
    return _listing(request, text, "DeviceStateListComplete", items)


def _listing(request: Request, text: str, end: str, items: list[tuple[str, str]]) -> bytes:
    action_id = f"ActionID: {request.action_id}\r\n" if request.action_id else ""
    parts = [response(request, "Success", text, listing=True)]
    parts += [encode(f"Event: {name}\r\n{body}{action_id}\r\n") for name, body in items]
    return b"".join((*parts, list_end(request, end, len(items))))


def hangup(exchange: Exchange, request: Request) -> bytes:
    name = request.get("Channel")
    cause = _cause(request.get("Cause"))
    if not name:
        return response(request, "Error", "No channel specified")
    if name.startswith("/"):
        return _hangup_like(exchange, request, name, cause)
    channel = exchange.lines.channels.named(name)
    if channel is None:
        return response(request, "Error", "No such channel")
    channel.leave(cause, "")
    return response(request, "Success", "Channel Hungup")


def _hangup_like(exchange: Exchange, request: Request, name: str, cause: int) -> bytes:
    if len(name) < len("//") or not name.endswith("/"):
        text = "Regex format invalid, Channel param should be /regex/"
        return response(request, "Error", text)
    try:
        pattern = re.compile(name[1:-1].replace("\\/", "/"))
    except re.error:
        return response(request, "Error", f"Regex compile failed on: {name}")
    parts = [response(request, "Success", "Channels hung up will follow", listing=True)]
    for channel in exchange.lines.channels.named_like(pattern):
        channel.leave(cause, "")
        tail = [("ActionID", request.action_id)] if request.action_id else []
        parts.append(message((("Event", "ChannelHungup"), ("Channel", channel.name), *tail)))
    parts.append(list_end(request, "ChannelsHungupListComplete", len(parts) - 1))
    return b"".join(parts)


def _cause(text: str) -> int:
    known = 127
    return int(text) if text.isdecimal() and int(text) <= known else 0


ACTIONS: Final[dict[str, tuple[int, Reply]]] = {
    "ping": (0, ping),
    "corestatus": (SYSTEM | REPORTING, core_status),
    "coresettings": (SYSTEM | REPORTING, core_settings),
    "coreshowchannels": (SYSTEM | REPORTING, core_show_channels),
    "status": (SYSTEM | CALL | REPORTING, status),
    "hangup": (SYSTEM | CALL, hangup),
    "queuestatus": (0, queue_status),
    "devicestatelist": (CALL | REPORTING, device_state_list),
}
"""Name in lower case -> the classes of which one is needed (0: none), and what answers it."""
_NAMES: Final = {
    name.lower(): name
    for name in ("Ping", "CoreStatus", "CoreSettings", "CoreShowChannels", "Status", "Hangup")
}

OTHERS: Final = {
    **dict.fromkeys(("command",), rights("command")),
    **dict.fromkeys(("redirect", "bridge", "setvar", "blindtransfer", "playdtmf"), CALL),
    **dict.fromkeys(("absolutetimeout", "stopmixmonitor"), SYSTEM | CALL),
    **dict.fromkeys(("getvar", "extensionstate"), CALL | REPORTING),
    **dict.fromkeys(("mixmonitor", "dbput", "dbget", "moduleload", "filter", "reload"), SYSTEM),
    **dict.fromkeys(("getconfig", "updateconfig", "createconfig"), rights("config")),
    **dict.fromkeys(("queueadd", "queueremove", "queuepause"), rights("agent")),
    **dict.fromkeys(("queuesummary", "bridgelist"), 0),
    "originate": ORIGINATE,
    "userevent": rights("user"),
}
"""Actions Asterisk has and this one does not carry out, with the classes they need."""


def permitted(needed: int, held: int) -> bool:
    """Any one of the classes will do; none needed is open to all."""
    return not needed or bool(needed & held & ALL)
