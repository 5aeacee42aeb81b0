"""The running gateway with what surrounds it: store, office, the ways in and out."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from adapters.sql import SqlStore
from adapters.system import RandomIds, SystemClock
from config.changes import ReloadResult
from config.settings import Settings
from gateway.app.intake import Intake
from gateway.app.notices import Notices
from gateway.app.office import Office
from gateway.app.service import Gateway
from gateway.bootstrap.doors import build_services, open_doors
from gateway.bootstrap.notices import telling
from gateway.bootstrap.office import build_office
from gateway.bootstrap.parts import build_intake, build_numbers, build_parts
from gateway.bootstrap.reload import NumbersInForce, Reloader, build_reloader
from gateway.bootstrap.rules import build_rules_of
from gateway.domain.errors import StoreLocked
from gateway.ports import NumberPlan, Store
from gateway.web.api.services import Services
from gateway.web.client import running_service

__all__ = ["Service", "open_store", "service"]

_log = structlog.get_logger()
_YOUNG = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A gateway with everything it needs, built and not yet running."""

    settings: Settings
    store: Store
    gateway: Gateway
    intake: Intake
    office: Office
    notices: Notices
    services: Services
    reloader: Reloader

    @property
    def reader(self) -> Store:
        """What it keeps; read through its own store, which is open here."""
        return self.store

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Serve until ``stop`` is set, then drain. Raises LoginRefused, OSError."""
        self.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What was imported and built stays: the collector need not look through it every time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
        kept: list[asyncio.Task[None]] = []

        def ready() -> None:
            on_ready()
            kept.append(asyncio.create_task(self.reloader.keep(), name="keep configuration"))

        async with open_doors(self.settings, self.services, stop):
            try:
                await self.gateway.run(stop, ready)
            finally:
                await asyncio.gather(*kept)
                self.notices.tail.close()  # A server waits for its streams to end.

    async def reload(self) -> ReloadResult:
        """Read the configuration again and apply what can be applied. Never raises."""
        return await self.reloader.reload()


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[SqlStore]:
    """Own the data while inside. Raises StoreLocked, StoreUnavailable."""
    url = settings.database_url.get_secret_value()
    store = SqlStore(url, data_dir=settings.data_dir, clock=SystemClock())
    try:
        await store.open()
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def service(settings: Settings) -> AsyncIterator[Service]:
    """Build a gateway over its open store; the store is closed last.

    Raises ConfigError, StoreLocked (a service runs on this data directory), StoreUnavailable.
    """
    rules = build_rules_of(settings)
    async with open_store(settings) as store:
        async with running_service(settings.data_dir) as other:
            if other is not None:
                raise StoreLocked(f"another Kairos serves from {settings.data_dir}")
        parts = build_parts(settings, rules, store)
        gateway = Gateway(parts)
        numbers = NumbersInForce(build_numbers(settings))
        intake = build_intake(settings, rules, store, numbers=numbers)
        office = _office(settings, store, gateway, intake, numbers)
        async with telling(settings, store) as notices:
            services = build_services(
                settings,
                office=office,
                gateway=gateway,
                dialers=tuple(parts.dialers.values()),
                notices=notices,
                check_subdivision=rules.calendar.check,
            )
            reloader = build_reloader(settings, gateway, services, numbers)
            yield Service(
                settings=settings,
                store=store,
                gateway=gateway,
                intake=intake,
                office=office,
                notices=notices,
                services=services,
                reloader=reloader,
            )


def _office(
    settings: Settings, store: Store, gateway: Gateway, intake: Intake, numbers: NumberPlan
) -> Office:
    return build_office(
        store=store,
        clock=SystemClock(),
        ids=RandomIds(),
        numbers=numbers,
        default_country=settings.default_country,
        intake=intake,
        rules=gateway.rules,
        gateway=gateway,
    )
