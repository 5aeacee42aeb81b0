"""The Dialer port over one Asterisk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final
from uuid import uuid4

import structlog

from adapters.asterisk.calls import LEG_ID_LENGTH
from adapters.asterisk.config import AsteriskSettings, Route
from adapters.asterisk.evidence import CelFile, judge
from adapters.asterisk.feed import Feed
from adapters.asterisk.link import Link
from adapters.asterisk.switch import boot_epoch, is_vulnerable, living_channels, missing_right
from adapters.asterisk.translate import VARIABLES, WANTED, Living, Translator
from adapters.asterisk.wire import Packet
from gateway.domain.errors import DialError, LoginRefused, NotSent, OutcomeUnknown, Refused
from gateway.domain.events import CallEvent, Finding, LinkDown, LinkUp
from gateway.domain.model import Leg, Role
from gateway.domain.pacing import Limits
from gateway.ports import CarrierStatus, Clock, DialOrder

__all__ = ["AsteriskDialer"]

_log = structlog.get_logger(__name__)
_E164: Final = re.compile(r"\+[1-9][0-9]{2,14}")
_LEG_ID: Final = re.compile(rf"[a-z0-9]{{{LEG_ID_LENGTH}}}")
_CHANNEL: Final = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@:;+/-]{0,200}")
_NO_SUCH_CHANNEL: Final = "no such channel"
_PERMISSION: Final = "permission denied"
_NORMAL_CLEARING: Final = "16"
_TURN: Final = 0.1
"""Seconds between looks at what is waiting for its other half."""
_CEL_EVERY: Final = 30.0
_HANG_UP_TRIES: Final = 3
_HANG_UP_PAUSE: Final = 0.1
"""Seconds for a channel to appear that was ordered a moment ago (seen: 5 ms at most)."""


class AsteriskDialer:
    """A carrier that is one Asterisk. Construct it inside the running loop.

    ``delays`` returns the seconds to wait before each further try to connect, afresh for each
    outage. ``boot_epoch`` of its LinkUp is the start time that Asterisk gives for itself.
    """

    def __init__(
        self,
        settings: AsteriskSettings,
        *,
        clock: Clock,
        delays: Callable[[], Iterable[float]],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._feed = Feed(settings.event_queue)
        self._translator = Translator(settings.leg_prefix)
        self._cel = CelFile(settings.cel_file, settings.leg_prefix) if settings.cel_file else None
        self._epoch = ""
        self._shutting_down = False
        self._booted = asyncio.Event()
        self._link = Link(
            settings,
            clock=clock,
            delays=delays,
            wanted=WANTED,
            variables=VARIABLES,
            on_packet=self._on_packet,
            prepare=self._prepare,
            on_up=self._on_up,
            on_down=self._on_down,
            ready=self._feed.room,
        )

    @property
    def name(self) -> str:
        """The carrier's name in the configuration."""
        return self._settings.name

    @property
    def limits(self) -> Limits:
        """What this Asterisk takes: less than its own ``maxcalls``, which cuts answered calls."""
        return self._settings.limits

    def status(self) -> CarrierStatus:
        """Tell whether orders can be written now."""
        up = self._link.up and not self._shutting_down
        reason = "Asterisk is shutting down" if self._shutting_down else self._link.reason
        return CarrierStatus(
            name=self.name, up=up, reason="" if up else reason, boot_epoch=self._epoch
        )

    def events(self) -> AsyncIterator[CallEvent | LinkUp | LinkDown]:
        """Yield news in the order it came; one consumer only."""
        return self._feed.read()

    async def run(self) -> None:
        """Own the link until canceled. Raises LoginRefused to give up."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_time(), name=f"{self.name}-time")
                if self._cel:
                    group.create_task(self._follow_cel(self._cel), name=f"{self.name}-cel")
                await self._link.run()
        except BaseExceptionGroup as errors:
            # A group has no place in the port: the one error that matters leaves alone.
            refused, _ = errors.split(LoginRefused)
            raise _first(refused or errors) from None
        finally:
            if self._cel:
                self._cel.end()

    async def originate(self, order: DialOrder) -> None:
        """Write one order, once; see the port. Raises NotSent, Refused or OutcomeUnknown."""
        route = self._settings.routes.get(order.route)
        if route is None:
            raise Refused(f"no route {order.route!r} is configured for {self.name}")
        if not _LEG_ID.fullmatch(order.leg_id) or not self._translator.calls.is_ours(order.leg_id):
            raise Refused(f"a leg id must have {LEG_ID_LENGTH} characters and our prefix")
        if not self.status().up:
            raise NotSent(f"{self.name} cannot be used: {self.status().reason}")
        action_id = str(uuid4())
        headers = self._originate_headers(order, route, action_id)
        tick = self._clock.monotonic()
        if not self._translator.expect(order.leg_id, action_id, order.ring_timeout, tick):
            raise OutcomeUnknown("this leg was sent before; nothing is ever sent twice")
        try:
            answer = await self._link.request(headers, timeout=self._settings.ack_timeout)
        except (NotSent, Refused):
            self._translator.forget(order.leg_id)
            raise
        except BaseException:  # a cancellation too: the order may be written
            self._translator.unsure(order.leg_id)
            raise
        if answer.name != b"Success":
            self._translator.forget(order.leg_id)
            raise Refused(f"{self.name} refused the order: {answer.get(b'Message')[:80]}")

    def _originate_headers(
        self, order: DialOrder, route: Route, action_id: str
    ) -> dict[str, str | list[str]]:
        variables = dict(route.variables)
        if order.bridge_to:
            if not _CHANNEL.fullmatch(order.bridge_to):
                raise Refused("the waiting agent's channel has a name that cannot be sent")
            variables[route.agent_variable] = order.bridge_to
        headers: dict[str, str | list[str]] = {
            "Action": "Originate",
            "ActionID": action_id,
            "Channel": self._channel(order),
            "ChannelId": order.leg_id,
            "Context": route.context,
            "Exten": route.exten,
            "Priority": str(route.priority),
            "Timeout": str(max(1, round(order.ring_timeout * 1000))),
            "Async": "true",
        }
        if self._settings.caller_id:
            headers["CallerID"] = self._settings.caller_id
        if variables:
            # One header each: within one header a comma would begin the next variable.
            headers["Variable"] = [
                f"{name}={value}".replace(",", "\\,") for name, value in variables.items()
            ]
        return headers

    def _channel(self, order: DialOrder) -> str:
        if order.role is Role.AGENT:
            if order.target not in self._settings.agents:
                raise Refused("this agent's dial target is not in the configuration")
            return self._settings.agents[order.target]
        if not _E164.fullmatch(order.target):
            raise Refused("the number is not in E.164 form")
        template = self._settings.channel_template
        return template.replace("{number}", order.target).replace("{digits}", order.target[1:])

    async def hang_up(self, leg_id: str, channel: str = "") -> None:
        """Ask for the end of a leg; no error if it is over already. Raises DialError."""
        self._translator.hanging_up(leg_id)
        for attempt in range(_HANG_UP_TRIES):
            name = self._translator.channel_of(leg_id) or channel
            name = name or (await self.living()).get(leg_id, "")
            if name:
                await self._hang_up_channel(name)
                return
            if not self._translator.expects(leg_id) or attempt == _HANG_UP_TRIES - 1:
                return
            await self._clock.sleep(_HANG_UP_PAUSE)

    async def _hang_up_channel(self, channel: str) -> None:
        if not _CHANNEL.fullmatch(channel):  # above all no "/": Asterisk would read a pattern
            raise Refused("this channel's name cannot be sent")
        answer = await self._link.request(
            {"Action": "Hangup", "Channel": channel, "Cause": _NORMAL_CLEARING},
            timeout=self._settings.ack_timeout,
        )
        said = answer.get(b"Message")
        if answer.name != b"Success" and _NO_SUCH_CHANNEL not in said.lower():
            raise Refused(f"{self.name} did not hang up: {said[:80]}")

    async def living(self) -> Mapping[str, str]:
        """Return leg id -> channel of every call of ours alive now. Raises DialError."""
        return {seen.leg_id: seen.channel for seen in await self._list_living(complete=False)}

    async def _list_living(self, *, complete: bool) -> list[Living]:
        packets = await self._link.request_list(
            {"Action": "CoreShowChannels"}, timeout=self._settings.ack_timeout
        )
        living = living_channels(packets, self._translator.calls.is_ours)
        now, tick = self._clock.now(), self._clock.monotonic()
        self._publish(self._translator.living(living, now, tick, complete=complete))
        return living

    async def findings(self, legs: Sequence[Leg]) -> Mapping[str, Finding]:
        """Look legs up in the CEL file; legs it says nothing about are missing."""
        if self._cel is None or not legs:
            return {}
        traces = await self._cel.refresh(self._clock.now())
        # While the link is down, Asterisk may have been restarted without our knowing.
        epoch = self._epoch if self._link.up else ""
        now, settle = self._clock.now(), self._settings.settle
        found = (judge(leg, traces, epoch, now, settle) for leg in legs)
        return {finding.leg_id: finding for finding in found if finding}

    def _on_packet(self, packet: Packet) -> None:
        now, tick = self._clock.now(), self._clock.monotonic()
        if packet.name == b"Shutdown" and packet.is_event:
            self._shutting_down = True
        elif packet.name == b"FullyBooted":
            self._booted.set()
        self._publish(self._translator.handle(packet, now, tick))

    def _publish(self, events: Iterable[CallEvent]) -> None:
        kept = [self._feed.put(event) for event in events]
        if not all(kept):
            self._link.drop("the gateway does not keep up with the events")

    async def _prepare(self) -> None:
        """After each login: which run of Asterisk this is, which version, and what lives."""
        try:
            if missing := missing_right(await self._answered("ListCommands")):
                raise LoginRefused(f"the AMI user needs write={missing}")
            status = await self._answered("CoreStatus")
            settings = await self._answered("CoreSettings")
            self._epoch = boot_epoch(status)
            version = settings.get(b"AsteriskVersion")
            if is_vulnerable(version):
                _log.warning("ami.update_asterisk", carrier=self.name, advisory="CVE-2024-42365")
            self._shutting_down = False
            await self._fully_booted()
            await self._list_living(complete=True)
        except Refused as error:
            if _PERMISSION in str(error).lower():
                raise LoginRefused("the AMI user needs write=reporting") from error
            raise

    async def _fully_booted(self) -> None:
        """Wait until Asterisk has its dialplan: before, it refuses every order."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.boot_wait):
                await self._booted.wait()

    async def _answered(self, action: str) -> Packet:
        timeout = self._settings.ack_timeout
        answer = await self._link.request({"Action": action}, timeout=timeout)
        if answer.name != b"Success":
            raise Refused(f"{action}: {answer.get(b'Message')[:80]}")
        return answer

    def _on_up(self) -> None:
        self._feed.put(LinkUp(carrier=self.name, at=self._clock.now(), boot_epoch=self._epoch))

    def _on_down(self, reason: str) -> None:
        self._translator.link_lost()
        self._booted.clear()
        self._feed.put(LinkDown(carrier=self.name, at=self._clock.now(), reason=reason))

    async def _keep_time(self) -> None:
        while True:
            await self._clock.sleep(_TURN)
            now, tick = self._clock.now(), self._clock.monotonic()
            self._publish(self._translator.due(now, tick))
            self._translator.sweep(tick)

    async def _follow_cel(self, cel: CelFile) -> None:
        while True:
            await cel.refresh(self._clock.now())
            await self._clock.sleep(_CEL_EVERY)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, DialError) else group
