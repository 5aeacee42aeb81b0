"""The API over a real socket of this machine, in memory: for tests of what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import aiohttp
from aiohttp import web

from adapters.memory import ManualClock, MemoryStore
from config.api import Api
from gateway.app.service import Health
from gateway.domain.records import ApiKey, Remembered, Scope
from gateway.ports import Store
from gateway.web.api.app import build_app
from gateway.web.api.keys import Keys, make_key
from gateway.web.api.limits import RateLimits
from gateway.web.api.operation import Operation
from gateway.web.api.resources import OPERATIONS
from gateway.web.api.services import Services

__all__ = ["ApiRig", "api_rig"]


class _Store(MemoryStore):
    """Keeps keys and answers too; goes when the store in memory does."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.kept_keys: dict[str, ApiKey] = {}
        self.answers: dict[str, Remembered] = {}

    async def add_key(self, key: ApiKey) -> None:
        self.kept_keys[key.id] = key

    async def key(self, key_id: str) -> ApiKey | None:
        return self.kept_keys.get(key_id)

    async def recall(self, key: str) -> Remembered | None:
        return self.answers.get(key)

    async def remember(self, answer: Remembered) -> None:
        self.answers.setdefault(answer.key, answer)


HEALTHY = Health(carriers=(), database_trouble="", open_attempts=0, refused=())


@dataclass(kw_only=True)
class ApiRig:
    """A served API with a client, and a key for each scope."""

    client: aiohttp.ClientSession
    clock: ManualClock
    store: Store
    services: Services
    keys: dict[Scope, str] = field(default_factory=dict)

    @property
    def auth(self) -> dict[str, str]:
        """The header of the administrator."""
        return self.auth_of(Scope.ADMIN)

    def auth_of(self, scope: Scope) -> dict[str, str]:
        """The header of a key with this scope."""
        return {"Authorization": f"Bearer {self.keys[scope]}"}


@asynccontextmanager
async def api_rig(
    *,
    operations: Sequence[Operation] = OPERATIONS,
    settings: Api | None = None,
    store: Store | None = None,
    clock: ManualClock | None = None,
    office: object = None,
) -> AsyncIterator[ApiRig]:
    """Serve these operations on a free port of the loopback."""
    clock = clock or ManualClock()
    store = store if store is not None else cast("Store", _Store(clock))
    settings = settings or Api()
    await store.open()
    services = Services(
        office=office or SimpleNamespace(store=store),
        clock=clock,
        settings=settings,
        health=lambda: HEALTHY,
        keys=Keys(store, clock),
        limits=RateLimits(
            per_second=settings.rate_limit.requests_per_second,
            burst=settings.rate_limit.burst,
            clock=clock,
        ),
        observe=lambda _operation, _status, _seconds: None,
    )
    keys = {}
    for scope in Scope:
        made = make_key(name=f"test {scope}", scope=scope, now=clock.now())
        await store.add_key(made.key)
        keys[scope] = made.text
    runner = web.AppRunner(build_app(services, operations), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{site.port}") as client:
            yield ApiRig(client=client, clock=clock, store=store, services=services, keys=keys)
    finally:
        await runner.cleanup()
