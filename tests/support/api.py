"""The API over a real socket of this machine, in memory: for tests of what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from adapters.memory import ManualClock, MemoryStore
from config.api import Api
from gateway.app.office import Office
from gateway.app.service import Health
from gateway.domain.records import Scope
from gateway.ports import Store
from gateway.web.api.app import build_app
from gateway.web.api.health import Readiness
from gateway.web.api.keys import Keys, make_key
from gateway.web.api.limits import RateLimits
from gateway.web.api.listen import Listening, listen
from gateway.web.api.metrics import Metrics
from gateway.web.api.operation import Operation
from gateway.web.api.resources import OPERATIONS
from gateway.web.api.services import Services
from tests.support.api_operations import TRYOUT
from tests.support.office import office_over

__all__ = ["ApiRig", "api_rig", "services_over"]


HEALTHY = Health(carriers=(), database_trouble="", open_attempts=0, refused=())


@dataclass(kw_only=True)
class ApiRig:
    """A served API with a client, and a key for each scope."""

    client: aiohttp.ClientSession
    clock: ManualClock
    store: Store
    services: Services
    listening: Listening
    keys: dict[Scope, str] = field(default_factory=dict)

    def spare_app(self) -> web.Application:
        """Another application of the same parts."""
        return build_app(self.services, OPERATIONS)

    @property
    def auth(self) -> dict[str, str]:
        """The header of the administrator."""
        return self.auth_of(Scope.ADMIN)

    def auth_of(self, scope: Scope) -> dict[str, str]:
        """The header of a key with this scope."""
        return {"Authorization": f"Bearer {self.keys[scope]}"}


def services_over(office: Office, clock: ManualClock, settings: Api | None = None) -> Services:
    """What the API works with, over an office."""
    settings = settings or Api(port=0)
    return Services(
        office=office,
        clock=clock,
        settings=settings,
        health=lambda: HEALTHY,
        keys=Keys(office.store, clock),
        limits=RateLimits(
            per_second=settings.rate_limit.requests_per_second,
            burst=settings.rate_limit.burst,
            clock=clock,
        ),
        readiness=Readiness(office.store, clock),
        metrics=Metrics(store=office.store, clock=clock, health=lambda: HEALTHY),
    )


@asynccontextmanager
async def api_rig(
    *,
    operations: Sequence[Operation] = (*OPERATIONS, *TRYOUT),
    settings: Api | None = None,
    store: Store | None = None,
    clock: ManualClock | None = None,
    office: Office | None = None,
) -> AsyncIterator[ApiRig]:
    """Serve these operations on a free port of the loopback."""
    clock = clock or ManualClock()
    if store is None:
        store = MemoryStore(clock)
        await store.open()
    settings = settings or Api(port=0)
    services = services_over(office or office_over(store, clock), clock, settings)
    keys = {}
    for scope in Scope:
        made = make_key(name=f"test {scope}", scope=scope, now=clock.now())
        await store.add_key(made.key)
        keys[scope] = made.text
    async with (
        listen(build_app(services, operations), settings) as listening,
        aiohttp.ClientSession(listening.url) as client,
    ):
        yield ApiRig(
            client=client,
            clock=clock,
            store=store,
            services=services,
            listening=listening,
            keys=keys,
        )
