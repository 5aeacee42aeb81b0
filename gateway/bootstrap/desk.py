"""The desk of the commands where no service runs: the data are owned for the moment."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from adapters.system import SystemClock
from config.settings import Settings
from gateway.app.amendments import Amendments
from gateway.app.holds import Holds
from gateway.app.rules import Rules as RulesInForce
from gateway.bootstrap.parts import build_queues
from gateway.bootstrap.rules import Rules
from gateway.bootstrap.service import open_store
from gateway.cli.desk import Reason
from gateway.domain.records import Scope
from gateway.ports import Clock, Store
from gateway.web.api.keys import make_key

__all__ = ["OwnDesk", "open_desk"]


class OwnDesk:
    """Does everything on a store that this process owns."""

    running = False

    def __init__(
        self, store: Store, clock: Clock, amendments: Amendments, holds: Holds, by: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._amendments = amendments
        self._holds = holds
        self._by = by

    async def cancel(self, callback_id: str, *, reason: str) -> None:
        await self._amendments.cancel(callback_id, by=self._by, reason=reason)

    async def reschedule(
        self, callback_id: str, at: datetime, *, ignore_preferred: bool = False
    ) -> None:
        await self._amendments.reschedule(
            callback_id, at, by=self._by, ignore_preferred=ignore_preferred
        )

    async def call_now(self, callback_id: str, *, ignore_preferred: bool = False) -> None:
        await self._amendments.call_now(callback_id, by=self._by, ignore_preferred=ignore_preferred)

    async def stop_all(self, *, reason: str) -> None:
        await self._holds.stop_all(by=self._by, reason=reason)

    async def hold_queue(self, queue: str, *, reason: str) -> None:
        await self._holds.hold_queue(queue, by=self._by, reason=reason)

    async def resume(self, target: str) -> bool:
        return await self._holds.resume(target, by=self._by) is not None

    async def block(self, number: str, *, reason: str) -> None:
        await self._store.do_not_call(number, reason, self._clock.now())

    async def allow(self, number: str) -> bool:
        return await self._store.allow_calls(number)

    async def add_key(self, *, name: str, scope: Scope, expires_at: datetime | None) -> str:
        made = make_key(name=name, scope=scope, now=self._clock.now(), expires_at=expires_at)
        await self._store.add_key(made.key)
        return made.text

    async def revoke_key(self, key_id: str) -> bool:
        return await self._store.revoke_key(key_id, self._clock.now())

    async def why(self, *, queue: str | None, callback_id: str | None) -> Sequence[Reason]:
        return ()  # nothing dials where no service runs: the command says so itself


@asynccontextmanager
async def open_desk(settings: Settings, rules: Rules) -> AsyncIterator[OwnDesk]:
    """Own the data while inside. Raises StoreLocked, StoreUnavailable."""
    clock = SystemClock()
    in_force = RulesInForce(rules.planner, rules.law, build_queues(settings))
    async with open_store(settings) as store:
        amendments = Amendments(store=store, clock=clock, rules=in_force)
        holds = Holds(store=store, clock=clock, rules=in_force)
        yield OwnDesk(store, clock, amendments, holds, _user())


def _user() -> str:
    """Name who sits at this terminal, as the service names who asks over its socket."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
