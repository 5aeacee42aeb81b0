"""One AMI connection: login, actions in order, events, and the faults it may suffer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from adapters.lab.faults import Fault
from adapters.lab.simpbx import wire
from adapters.lab.simpbx.actions import ACTIONS, OTHERS, list_commands, permitted
from adapters.lab.simpbx.events import Event, rights_of
from adapters.lab.simpbx.orders import BadOrder, Order, read_order
from adapters.lab.simpbx.outbox import Outbox
from adapters.lab.simpbx.users import ALL, SYSTEM, AmiUser, rights
from adapters.lab.simpbx.wire import Request, RequestReader, response

if TYPE_CHECKING:
    from adapters.lab.simpbx.exchange import Exchange

_WRONG_LOGIN_SECONDS: Final = 1.0
_CHUNK: Final = 65_536


class Session:
    """Speaks AMI with one client until either side ends it."""

    def __init__(
        self, exchange: Exchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._exchange = exchange
        self._reader = reader
        self.out = Outbox(writer, exchange.faults)
        self.user: AmiUser | None = None
        self._mask = 0
        self._patience: asyncio.Timeout | None = None

    async def run(self) -> None:
        """Serve the client; returns when the connection is over."""
        exchange = self._exchange
        try:
            async with asyncio.timeout(exchange.auth_seconds) as self._patience:
                self.out.send(wire.BANNER)
                await self._serve()
        except (TimeoutError, OSError):
            pass  # did not log in in time, or went away
        finally:
            exchange.bus.leave(self)
            self.out.close()

    async def _serve(self) -> None:
        requests = RequestReader()
        while data := await self._reader.read(_CHUNK):
            for request in requests.feed(data):
                await self.out.ready()
                if not await self._handle(request):
                    return

    def wants(self, name: str) -> bool:
        """Tell whether any event of this name could be let through."""
        needed = rights_of(name)
        return self.user is not None and needed & self._mask == needed and self.user.could_see(name)

    def offer(self, event: Event) -> None:
        """Send an event unless rights or filters keep it back."""
        user = self.user
        if user is not None and self.wants(event.name) and user.may_see(event.name, event.body):
            self.out.send_event(event, user.write_timeout)

    async def _handle(self, request: Request) -> bool:
        """Do one action; False ends the session."""
        name = request.action.lower()
        if problem := request.problem or ("" if name else "Missing action in request"):
            return self._refuse(request, problem)
        if name == "logoff":
            self.out.send(response(request, "Goodbye", "Thanks for all the fish."))
            return False
        if name == "login":
            return await self._login(request)
        if self.user is None:
            return self._refuse(request, "Permission denied")
        if name == "originate" and permitted(OTHERS[name], self.user.write):
            return await self._originate(request, self.user)
        return self._plain(request, name, self.user)

    def _plain(self, request: Request, name: str, user: AmiUser) -> bool:
        if name == "events":
            self.out.send(self._set_events(request))
            return True
        if name == "listcommands":
            self.out.send(list_commands(request, user.write))
            return True
        needed, reply = ACTIONS.get(name, (OTHERS.get(name, -1), None))
        if needed < 0:
            return self._refuse(
                request,
                f"Invalid/unknown command: {request.action}. "
                "Use Action: ListCommands to show available commands.",
            )
        if not permitted(needed, user.write):
            return self._refuse(request, "Permission denied")
        if reply is None:
            return self._refuse(request, f"{request.action} is not simulated")
        self.out.send(reply(self._exchange, request))
        return True

    def _refuse(self, request: Request, text: str) -> bool:
        self.out.send(response(request, "Error", text))
        return True

    async def _login(self, request: Request) -> bool:
        if self.user is not None:
            self.out.send(response(request, "Success", "Already authenticated"))
            return True
        user = self._exchange.users.get(request.get("Username"))
        taken = user is not None and not user.multiple and self._exchange.logged_in(user)
        if user is None or taken or user.secret != request.get("Secret"):
            await asyncio.sleep(_WRONG_LOGIN_SECONDS / self._exchange.speed)
            text = "Login Already In Use" if taken else "Authentication failed"
            self.out.send(response(request, "Error", text))
            return False
        self.user = user
        if self._patience is not None:
            self._patience.reschedule(None)
        self._mask = user.read & _mask(request.get("Events") or "on")
        self.out.send(response(request, "Success", "Authentication accepted"))
        if self._mask & SYSTEM:
            up = str(self._exchange.uptime)
            self.out.send(
                wire.message(
                    (
                        *(("Event", "FullyBooted"), ("Privilege", "system,all")),
                        *(("Uptime", up), ("LastReload", up), ("Status", "Fully Booted")),
                    )
                )
            )
        self._exchange.bus.join(self)
        return True

    def _set_events(self, request: Request) -> bytes:
        user = self.user
        self._mask = _mask(request.get("EventMask")) & (user.read if user else 0)
        self._exchange.bus.leave(self)
        self._exchange.bus.join(self)
        return response(request, "Success", "", ("Events", "On" if self._mask else "Off"))

    async def _originate(self, request: Request, user: AmiUser) -> bool:
        fault = self._exchange.faults.at_order()
        if fault in {Fault.CUT_BEFORE, Fault.RESTART_BEFORE}:
            return self._break(fault)
        if fault is Fault.HALF_OPEN:
            self.out.mute()
            await self.out.ready()  # never
        if fault is Fault.STALL:
            self.out.stall(self._exchange.faults.stall_seconds)
            await self.out.ready()
        order = self._arrived(request, user)
        if isinstance(order, str):
            return self._acknowledge(request, "Error", order, fault)
        if order.waits:
            return await self._originate_and_wait(request, order, fault)
        self._exchange.start(order)
        if fault in {Fault.CUT_AFTER, Fault.RESTART_AFTER}:
            for _ in range(2):  # the call is on its way before the line breaks
                await asyncio.sleep(0)
            return self._break(fault)
        return self._acknowledge(request, "Success", "Originate successfully queued", fault)

    def _break(self, fault: Fault) -> bool:
        if fault in {Fault.RESTART_BEFORE, Fault.RESTART_AFTER}:
            self._exchange.power_cut()
        self.out.abort()
        return False

    def _arrived(self, request: Request, user: AmiUser) -> Order | str:
        channel = request.get("Channel")
        self._exchange.wire.write(
            "originate",
            number=channel.partition("/")[2].partition("@")[0],
            channel_id=request.get("ChannelId"),
            action_id=request.action_id,
        )
        try:
            return read_order(request, system=bool(user.write & SYSTEM))
        except BadOrder as refusal:
            return str(refusal)

    async def _originate_and_wait(
        self, request: Request, order: Order, fault: Fault | None
    ) -> bool:
        # As in Asterisk: this session hears nothing, events included, until it is decided.
        with self.out.blocked():
            channel = await self._exchange.orders.dial(order)
            if channel is None:
                return self._acknowledge(request, "Error", "Originate failed", fault)
            self._exchange.talk(order, channel)
            return self._acknowledge(request, "Success", "Originate successfully queued", fault)

    def _acknowledge(self, request: Request, kind: str, text: str, fault: Fault | None) -> bool:
        reply = response(request, kind, text)
        if fault is Fault.ACK_LATE:
            self.out.send_later(reply, self._exchange.faults.delay())
        elif fault is not Fault.ACK_LOST:
            self.out.send(reply * (2 if fault is Fault.ACK_TWICE else 1))
        return True


def _mask(text: str) -> int:
    word = text.strip().lower()
    if word in {"on", "yes", "true", "all"}:
        return ALL
    with contextlib.suppress(ValueError):
        return int(word) & ALL
    return rights(word)
