"""``kairos serve``: the gateway in the foreground, for a service manager or a terminal."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import structlog

from config.settings import Settings
from gateway.cli.console import note
from gateway.cli.root import Service
from gateway.cli.shell import Shell
from gateway.lifecycle import stop_signals
from gateway.observability import configure
from gateway.systemd import ServiceManager

__all__ = ["serve"]

_log = structlog.get_logger()


def serve(shell: Shell, config: Path | None) -> None:
    """Run the gateway until it is told to stop."""
    settings = shell.settings(config, practice_too=False)
    style = "console" if sys.stderr.isatty() else settings.logging.format
    configure(level=settings.logging.level, style=style)
    asyncio.run(_serve(shell, settings))


async def _serve(shell: Shell, settings: Settings) -> None:
    stop, asked = asyncio.Event(), asyncio.Event()
    manager = ServiceManager()
    with stop_signals(stop, note, on_hangup=asked.set):
        async with shell.root.service(settings) as service:
            _log.info(
                "gateway.starting",
                profile=settings.profile,
                carriers=sorted(settings.carriers),
                queues=sorted(settings.queues),
                data_dir=str(settings.data_dir),
            )
            for warning in settings.source.warnings if settings.source else ():
                _log.warning("config.warning", text=warning)
            async with asyncio.TaskGroup() as group:
                beside = [
                    group.create_task(manager.stay_alive(), name="watchdog"),
                    group.create_task(_reload(service, asked, manager), name="reload"),
                    group.create_task(_stopping(stop, manager), name="stopping"),
                ]
                await service.run(stop, lambda: _ready(manager))
                for task in beside:
                    task.cancel()
    _log.info("gateway.stopped")


def _ready(manager: ServiceManager) -> None:
    _log.info("gateway.ready")
    manager.ready("calling back")


async def _reload(service: Service, asked: asyncio.Event, manager: ServiceManager) -> None:
    """Read the configuration again whenever somebody asks for it; the log tells what came of it."""
    while True:
        await asked.wait()
        asked.clear()
        with manager.reloading():
            await service.reload()


async def _stopping(stop: asyncio.Event, manager: ServiceManager) -> None:
    await stop.wait()
    manager.stopping()
