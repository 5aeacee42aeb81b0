"""The ways in to a running service: the control socket always, the network if the settings say."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import structlog

from adapters.system import SystemClock
from config.settings import Settings
from gateway.app.notices import Notices
from gateway.app.office import Office
from gateway.app.service import Gateway
from gateway.domain.records import Scope
from gateway.ports import Clock, Dialer, Store
from gateway.web.api.app import build_app
from gateway.web.api.facts import CarrierFigures
from gateway.web.api.health import Readiness
from gateway.web.api.keys import Keys, make_key
from gateway.web.api.limits import RateLimits
from gateway.web.api.listen import listen
from gateway.web.api.metrics import Metrics
from gateway.web.api.resources import OPERATIONS
from gateway.web.api.services import Services
from gateway.web.control import control_server

__all__ = ["Doors", "build_services", "first_key", "open_doors"]

_log = structlog.get_logger()
_KEY_FILE: Final = "first-api-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What is open. ``url`` is empty where nothing listens on the network."""

    services: Services
    url: str


def build_services(
    settings: Settings,
    *,
    office: Office,
    gateway: Gateway,
    dialers: Sequence[Dialer],
    notices: Notices | None,
    check_subdivision: Callable[[str, str], None],
) -> Services:
    """Put together what the API works with."""
    clock = SystemClock()
    api = settings.api
    metrics = Metrics(store=office.store, clock=clock, health=gateway.health, version=_version())
    metrics.queues = lambda: tuple(office.rules.queues)

    def carriers() -> list[CarrierFigures]:
        return [
            CarrierFigures(
                status=one.status(), limits=one.limits, in_use=gateway.registry.in_use(one.name)
            )
            for one in dialers
        ]

    return Services(
        office=office,
        clock=clock,
        settings=api,
        health=gateway.health,
        keys=Keys(office.store, clock),
        limits=RateLimits(
            per_second=api.rate_limit.requests_per_second, burst=api.rate_limit.burst, clock=clock
        ),
        readiness=Readiness(office.store, clock),
        metrics=metrics,
        version=_version(),
        carriers=carriers,
        check_subdivision=check_subdivision,
        notices=notices,
    )


@asynccontextmanager
async def open_doors(
    settings: Settings, services: Services, stop: asyncio.Event
) -> AsyncIterator[Doors]:
    """Let people in while inside; once ``stop`` is set it says that it is not ready any more.

    Raises OSError in words, StoreUnavailable.
    """
    services.readiness.is_stopping = stop.is_set
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(control_server(settings.data_dir, services))
        yield Doors(services=services, url=await _network(settings, services, stack))


async def _network(settings: Settings, services: Services, stack: AsyncExitStack) -> str:
    """Listen on the network, if the settings say; returns the address, empty for none."""
    if not settings.api.enabled:
        return ""
    app = build_app(services, OPERATIONS)
    practice = settings.profile == "practice"
    try:
        listening = await stack.enter_async_context(listen(app, settings.api))
    except OSError as error:
        if not practice:
            raise
        _log.warning("api.not_listening", reason=str(error))
        return ""
    services.metrics.connections = listening.connections
    _log.info("api.listening", url=listening.url)
    if not practice:
        base = settings.api.public_url or listening.url
        await first_key(services.office.store, services.clock, settings.data_dir, base)
    return settings.api.public_url or listening.url


async def first_key(store: Store, clock: Clock, folder: Path, address: str) -> None:
    """Make a key for the administrator where there is none at all, and show it once.

    It goes to the standard output and never to the log; where that is the system's journal, it
    goes to a file that only the owner can read. Raises StoreUnavailable, OSError.
    """
    if await store.keys():
        return
    made = make_key(name="first start", scope=Scope.ADMIN, now=clock.now())
    await store.add_key(made.key)
    where = "stdout"
    if _is_journal():
        path = folder / _KEY_FILE
        path.touch(mode=0o600)
        path.write_text(made.text + "\n")
        where = str(path)
    else:
        sys.stdout.write(
            "\nThis is the first start: here is the key to the API, shown this once.\n\n"
            f"    {made.text}\n\n"
            "Keep it where secrets are kept. `kairos keys` makes more and revokes this one.\n"
            f"How to ask, with examples: {address}/docs\n\n"
        )
        sys.stdout.flush()
    _log.info("api.first_key", key_id=made.key.id, shown_in=where)


def _is_journal() -> bool:
    """Whether the standard output is kept by the system's journal."""
    try:
        found = os.fstat(sys.stdout.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _version() -> str:
    try:
        return version("kairos-callback")
    except PackageNotFoundError:
        return "0"
