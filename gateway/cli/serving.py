"""``kairos serve``: the gateway in the foreground, for a service manager or a terminal."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import structlog

from config.settings import Settings
from gateway.cli.console import note
from gateway.cli.shell import Shell
from gateway.lifecycle import stop_signals
from gateway.observability import configure

__all__ = ["serve"]

_log = structlog.get_logger()


def serve(shell: Shell, config: Path | None) -> None:
    """Run the gateway until it is told to stop."""
    settings = shell.settings(config, practice_too=False)
    style = "console" if sys.stderr.isatty() else settings.logging.format
    configure(level=settings.logging.level, style=style)
    asyncio.run(_serve(shell, settings))


async def _serve(shell: Shell, settings: Settings) -> None:
    stop = asyncio.Event()
    with stop_signals(stop, note):
        async with shell.root.service(settings) as service:
            _log.info(
                "gateway.starting",
                profile=settings.profile,
                carriers=sorted(settings.carriers),
                queues=sorted(settings.queues),
                data_dir=str(settings.data_dir),
            )
            await service.run(stop, lambda: _log.info("gateway.ready"))
    _log.info("gateway.stopped")
