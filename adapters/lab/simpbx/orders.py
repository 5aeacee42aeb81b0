"""Originate: from the request to the end of the call it places."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from adapters.lab.simpbx.carrier import By
from adapters.lab.simpbx.channel import Channel
from adapters.lab.simpbx.dialplan import Dialplan, exists
from adapters.lab.simpbx.line import Lines, Ring
from adapters.lab.simpbx.wire import Request

_LONGEST_ID: Final = 149
_LONGEST_VALUE: Final = 255
_TRUE: Final = frozenset({"yes", "true", "y", "t", "1", "on"})
_CALLER: Final = re.compile(r'\s*(?:"([^"]*)"|([^<"]*?))\s*<([^>]*)>\s*$')
_AGENT: Final = re.compile(r"agent[1-9]\d?")
_NO_ANSWER: Final = (19, 480)
_FAILED, _NOT_ANSWERED, _ANSWERED = 0, 3, 4
# Without the class "system" these may not occur in an application's name (a mere substring test).
_BARRED: Final = ("agi", "dbdeltree", "exec", "externalivr", "mixmonitor", "originate", "reload")
_BARRED_DATA: Final = ("CURL", "DB", "EVAL", "FILE", "ODBC", "REALTIME", "SHELL")


class BadOrder(ValueError):
    """The request is refused at once; the text is AMI's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an Originate asks for. ``timeout`` in seconds; ``caller``: number and name."""

    action_id: str
    tech: str
    dialed: str
    context: str
    exten: str
    application: str
    data: str
    timeout: float
    caller: tuple[str, str]
    channel_id: str
    waits: bool
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def number(self) -> str:
        """The line called: what is before the ``@`` of ``+442079460000@lab``, or ``agent1``."""
        return self.dialed.partition("@")[0]

    @property
    def endpoint(self) -> str:
        return self.dialed.rpartition("@")[2]


def read_order(request: Request, *, system: bool) -> Order:
    """Read and check an Originate; ``system``: the user holds that class. Raises BadOrder."""
    channel_id = request.get("ChannelId")
    if max(len(channel_id), len(request.get("OtherChannelId"))) > _LONGEST_ID:
        raise BadOrder(f"Uniqueid length exceeds maximum of {_LONGEST_ID}\n")
    channel = request.get("Channel")[:_LONGEST_VALUE]
    if not channel:
        raise BadOrder("Channel not specified")
    priority = _number(request.get("Priority"), "Invalid priority")
    timeout = _number(request.get("Timeout") or "30000", "Invalid timeout")
    tech, slash, dialed = channel.partition("/")
    if not slash:
        raise BadOrder("Invalid channel")
    application, data = request.get("Application"), request.get("Data")
    if application and not system and _barred(application, data):
        raise BadOrder("Originate Access Forbidden: app or data blacklisted")
    context, exten = request.get("Context"), request.get("Exten")
    if priority and not (priority == 1 and exists(context, exten)):
        raise BadOrder("Extension does not exist.")
    waits = request.get("Async").lower() not in _TRUE
    if waits and not application and not priority:
        raise BadOrder("Originate with 'Exten' requires 'Context' and 'Priority'")
    return Order(
        action_id=request.action_id,
        tech=tech,
        dialed=dialed,
        context=context,
        exten=exten,
        application=application,
        data=data,
        timeout=timeout / 1000,
        caller=_caller(request.get("CallerID")[:_LONGEST_VALUE]),
        channel_id=channel_id,
        waits=waits,
        variables=tuple(_variables(request)),
    )


class Orders:
    """Carries orders out. ``endpoints``: the SIP trunks that exist, besides agents' telephones."""

    def __init__(self, lines: Lines, endpoints: frozenset[str]) -> None:
        self._lines = lines
        self._dialplan = Dialplan(lines)
        self._endpoints = endpoints

    async def dial(self, order: Order) -> Channel | None:
        """Call the far end; return the answered channel, or None when nobody answered."""
        lines = self._lines
        if order.tech != "PJSIP" or not self._reachable(order):
            self._respond(order, None, _FAILED)
            return None
        if order.channel_id and lines.channels.taken(order.channel_id):
            lines.channels.skip()
            self._respond(order, None, _FAILED)
            return None
        channel = lines.open(order.endpoint, order.number, order.channel_id)
        for name, value in order.variables:
            lines.variable(channel, name, value)
        channel.caller = channel.connected = order.caller
        lines.dial_news(channel, "DialBegin", f"DialString: {order.dialed}\r\n")
        lines.call(channel)
        ending = await lines.ring(channel, order.timeout)
        if ending is Ring.ANSWERED:
            lines.dial_end(channel, "ANSWER")
            self._respond(order, channel, _ANSWERED)
            return channel
        self._failed(order, channel, ending)
        return None

    async def talk(self, order: Order, channel: Channel) -> None:
        """Let an answered channel go where the order says, to its end."""
        context, exten = order.context, order.exten
        if order.application:
            context, exten = "kairos-talk", "stay"
            channel.runs(order.application, order.data)
        await self._dialplan.run(channel, context, exten)

    def _reachable(self, order: Order) -> bool:
        """Tell whether the endpoint exists: a trunk to dial through, or an agent's telephone."""
        if "@" in order.dialed:
            return order.endpoint in self._endpoints
        return _AGENT.fullmatch(order.dialed) is not None

    def _failed(self, order: Order, channel: Channel, ending: Ring) -> None:
        lines, reason, by = self._lines, _FAILED, _BY[ending]
        if ending is Ring.TIMED_OUT:
            # Asterisk says nothing of the end of dialing then: no DialEnd, no HangupRequest.
            reason = _NOT_ANSWERED
            channel.leave(_NO_ANSWER[0], "", _NO_ANSWER[1])
        else:
            lines.dial_end(channel)
        lines.close(channel, by=by)
        self._respond(order, None, reason)

    def _respond(self, order: Order, channel: Channel | None, reason: int) -> None:
        if order.waits or not self._lines.bus.wanted("OriginateResponse"):
            return
        bus = self._lines.bus
        if order.application:
            target = f"Application: {order.application}\r\nData: {order.data}\r\n"
        else:
            target = f"Context: {order.context}\r\nExten: {order.exten}\r\n"
        action_id = f"ActionID: {order.action_id}\r\n" if order.action_id else ""
        name = f"{order.tech}/{order.dialed}" if channel is None else channel.name
        unique = channel.uniqueid if channel else order.channel_id or "<unknown>"
        due = bus.answer(
            "OriginateResponse",
            f"{action_id}Response: {'Failure' if channel is None else 'Success'}\r\n"
            f"Channel: {name}\r\n{target}Reason: {reason}\r\nUniqueid: {unique}\r\n"
            f"CallerIDNum: {order.caller[0] or '<unknown>'}\r\n"
            f"CallerIDName: {order.caller[1] or '<unknown>'}\r\n",
        )
        if channel is not None:
            channel.answer_due = due


_BY: Final[dict[Ring, By]] = {
    Ring.REFUSED: "refused",
    Ring.TIMED_OUT: "timeout",
    Ring.ABORTED: "near",
}


def _number(text: str, complaint: str) -> int:
    match = re.match(r"\s*([+-]?\d+)", text)
    if match is None:
        if text:
            raise BadOrder(complaint)
        return 0
    return int(match[1])


def _barred(application: str, data: str) -> bool:
    name = application.lower()
    return any(one in name for one in (*_BARRED, "system")) or any(
        one in data for one in _BARRED_DATA
    )


def _caller(text: str) -> tuple[str, str]:
    match = _CALLER.match(text)
    if match is None:
        return text.strip(), ""
    return re.sub(r"[ ().-]", "", match[3]), (match[1] or match[2] or "").strip()


def _variables(request: Request) -> list[tuple[str, str]]:
    """Read the Variable headers: an unescaped comma parts two variables in one header."""
    pairs = []
    for line in request.all("Variable"):
        for one in re.split(r"(?<!\\),", line):
            name, equals, value = one.replace("\\,", ",").partition("=")
            if equals:
                pairs.append((name.strip(), value.replace('"', "")))
    return pairs
