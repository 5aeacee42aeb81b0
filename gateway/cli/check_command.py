"""``kairos check``: is everything as it must be, and if not, how to mend it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import typer

from config.carriers import Carrier
from config.problems import ConfigError
from config.settings import Settings
from gateway.cli import checks
from gateway.cli.console import out, print_json
from gateway.cli.findings import Finding, Level, as_json, fail, laid_out, ok, skip
from gateway.cli.pbx_words import findings_of
from gateway.cli.root import PbxLogin
from gateway.cli.shell import Shell
from gateway.domain.errors import KairosError, StoreUnavailable
from gateway.lifecycle import ExitCode, complaint

__all__ = ["check"]

_DATABASE: Final = "database"
_SERVICE: Final = "service"
_CONFIGURATION: Final = "configuration"
_PBX: Final = "PBX "
_NOT_YET: Final = ("there is no database file", "no Kairos database here yet")


def check(shell: Shell, config: Path | None, *, as_json_: bool) -> None:
    """Look at everything, tell it, and end with the exit code of the worst."""
    found = _all(shell, config)
    broken = [one for one in found if one.level is Level.FAIL]
    if as_json_:
        print_json({"ok": not broken, "findings": as_json(found)})
    else:
        out().print(laid_out(found), soft_wrap=True)
    if broken:
        raise typer.Exit(int(_code(broken)))


def _all(shell: Shell, config: Path | None) -> list[Finding]:
    path = shell.find(config)
    try:
        settings = shell.settings(path)
    except ConfigError as error:
        return [fail(_CONFIGURATION, one, "") for one in error.problems]
    queues, carriers = ", ".join(sorted(settings.queues)), ", ".join(sorted(settings.carriers))
    told = f"{path}: queues {queues}; carriers {carriers}; profile {settings.profile}"
    return [
        ok(_CONFIGURATION, told),
        *checks.files(settings, path),
        checks.host_name(),
        *checks.clock(settings),
        checks.disk(settings),
        *shell.run(_outside(shell, settings)),
    ]


def _code(broken: list[Finding]) -> ExitCode:
    """Return the code of what stands first in the way."""
    about = [one.about for one in broken]
    if _CONFIGURATION in about:
        return ExitCode.USAGE
    if _DATABASE in about:
        return ExitCode.DATABASE
    if any(one.startswith(_PBX) for one in about):
        return ExitCode.LOGIN_REFUSED
    return ExitCode.UNEXPECTED


async def _outside(shell: Shell, settings: Settings) -> list[Finding]:
    found = [one async for one in _kept(shell, settings)]
    async with asyncio.TaskGroup() as group:
        looks = [
            group.create_task(_carrier(shell, name, carrier))
            for name, carrier in settings.carriers.items()
        ]
    return [*found, *(one for look in looks for one in look.result())]


async def _kept(shell: Shell, settings: Settings) -> AsyncIterator[Finding]:
    try:
        async with shell.root.reader(settings) as reader:
            counts = await reader.counts()
        yield ok(_DATABASE, f"it answers and fits this version; {sum(counts.values())} callbacks")
    except StoreUnavailable as error:
        if any(words in str(error) for words in _NOT_YET):
            yield ok(_DATABASE, "not there yet; the first start makes it")
        else:
            told = complaint(error)
            yield fail(_DATABASE, told.problem, told.remedy)
    running = False
    try:
        async with shell.root.running(settings) as service:
            running = service is not None
        if running:
            yield ok(_SERVICE, f"runs on {settings.data_dir}")
        else:
            yield skip(_SERVICE, "does not run: nothing is dialed until kairos serve is started")
    except KairosError as error:
        running = True
        yield fail(_SERVICE, str(error), "Look into its log; if it hangs, restart it.")
    yield checks.api_port(settings, running=running)


async def _carrier(shell: Shell, name: str, carrier: Carrier) -> list[Finding]:
    routes = {(one.context, one.exten): None for one in carrier.routes.values()}
    login = PbxLogin(
        host=carrier.host,
        port=carrier.port,
        username=carrier.username,
        secret=carrier.secret.get_secret_value(),
        tls=carrier.tls is not None,
        cafile=carrier.tls.cafile if carrier.tls else None,
        server_hostname=carrier.tls.server_hostname if carrier.tls else None,
        places=tuple(routes),
    )
    about = f"{_PBX}{name}"
    report = await shell.root.look_at_pbx(login)
    return [*findings_of(report, login, about), checks.cel_file(carrier.cel_file, about)]
