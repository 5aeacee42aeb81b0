"""Reading the configuration again while the service runs.

Everything is read and checked before anything changes: a mistake leaves all as it is. What is
safe is applied in one step, between two turns of the event loop; the rest is named.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import structlog

from config.changes import Amended, ReloadResult, amend
from config.lastgood import find, keep
from config.problems import ConfigError, Problems
from config.settings import Settings, load_settings
from gateway.app.service import Gateway
from gateway.bootstrap.parts import build_numbers, build_queues
from gateway.bootstrap.rules import Rules, build_rules_of
from gateway.observability import set_level
from gateway.ports import NumberFacts, NumberPlan
from gateway.web.api.services import Services

__all__ = ["NumbersInForce", "Reloader", "build_reloader"]

_log = structlog.get_logger()
_RULE_FILES: Final = ("countries_file", "retry_rules_file")

Apply = Callable[[Settings, Rules], None]
_Prints = Mapping[str, str]


class NumbersInForce:
    """The number plan that counts now, shared by all who read numbers."""

    def __init__(self, plan: NumberPlan) -> None:
        self.plan = plan

    def parse(self, text: str, default_country: str | None) -> NumberFacts:
        """Normalise what a person wrote; raises BadInput."""
        return self.plan.parse(text, default_country)


class Reloader:
    """Reads the configuration of a running service again.

    ``apply`` puts new settings and rules in force; it does not wait and does not fail.
    """

    def __init__(self, settings: Settings, apply: Apply) -> None:
        self._started = settings
        self._running = settings
        self._prints = _fingerprints(settings)
        self._apply = apply
        self._one_at_a_time = asyncio.Lock()

    @property
    def running(self) -> Settings:
        """The settings in force."""
        return self._running

    async def keep(self) -> None:
        """Keep the configuration in force as one that works; a full disk is no reason to stop."""
        try:
            await asyncio.to_thread(keep, self._running)
        except (OSError, ConfigError, ValueError) as problem:
            _log.warning("config.not_kept", reason=str(problem))

    async def reload(self) -> ReloadResult:
        """Read and check the configuration, apply what can be applied. Never raises."""
        async with self._one_at_a_time:
            result = await self._reload()
        _tell(result)
        return result

    async def _reload(self) -> ReloadResult:
        source = self._running.source
        if source is None:
            return ReloadResult(problems=("the configuration was not read from a file; restart",))
        try:
            amended, rules, prints = await asyncio.to_thread(self._read, source.file)
        except ConfigError as error:
            return ReloadResult(problems=_with_remedy(error.problems, source.file))
        except Exception as error:  # noqa: BLE001 -- whatever is in a file, the service goes on
            text = f"{source.file.name}: cannot be read ({type(error).__name__})"
            return ReloadResult(problems=_with_remedy((text,), source.file))
        self._apply(amended.settings, rules)
        others = [key for key in _RULE_FILES if prints[key] != self._prints[key]]
        self._running, self._prints = amended.settings, prints
        if not amended.needs_restart:
            await self.keep()
        read = amended.settings.source
        return ReloadResult(
            applied=tuple(dict.fromkeys((*amended.applied, *others))),
            needs_restart=amended.needs_restart,
            warnings=read.warnings if read else (),
        )

    def _read(self, file: Path) -> tuple[Amended, Rules, _Prints]:
        """Read everything and build the rules, without changing anything. Raises ConfigError."""
        new = load_settings(file)
        build_rules_of(new)
        try:
            amended = amend(self._running, self._started, new)
        except Problems as error:
            told = (f"{file.name}: {path}: {text}" for path, text in error.found)
            raise ConfigError(told) from None
        return amended, build_rules_of(amended.settings), _fingerprints(amended.settings)


def _fingerprints(settings: Settings) -> _Prints:
    """Return what tells whether the content of a rule file has changed."""
    return {key: _fingerprint(getattr(settings, key)) for key in _RULE_FILES}


def _fingerprint(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return "unreadable"


def _with_remedy(problems: tuple[str, ...], file: Path) -> tuple[str, ...]:
    copy = find(file)
    if copy is None:
        return problems
    return (*problems, f"the service goes on as it was; what last worked is kept in {copy}")


def _tell(result: ReloadResult) -> None:
    """Say once in the log what became of it."""
    if result.problems:
        _log.error("config.reload_refused", problems=list(result.problems))
        return
    _log.info(
        "config.reloaded", applied=list(result.applied), needs_restart=list(result.needs_restart)
    )
    for warning in result.warnings:
        _log.warning("config.warning", text=warning)


def build_reloader(
    settings: Settings, gateway: Gateway, services: Services, numbers: NumbersInForce
) -> Reloader:
    """Build what reads the configuration of a service again, and let the API ask it."""

    def apply(new: Settings, rules: Rules) -> None:
        gateway.reload(rules.planner, rules.law, build_queues(new))
        numbers.plan = build_numbers(new)
        rate = new.api.rate_limit
        services.limits.change(per_second=rate.requests_per_second, burst=rate.burst)
        set_level(new.logging.level)

    reloader = Reloader(settings, apply)
    services.reload = reloader.reload
    return reloader
