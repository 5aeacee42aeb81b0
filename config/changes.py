"""What of a changed configuration can be applied while Kairos runs, and what needs a restart.

A key that needs one keeps its old value, and so does a queue that could not work without it. What
is applied is always a whole and checked configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from config.problems import Problems
from config.queues import Queue
from config.settings import Settings
from config.show import leaves

__all__ = ["Amended", "ReloadResult", "amend"]

_AT_ONCE: Final = (
    "queues",
    "numbers",
    "countries_file",
    "retry_rules_file",
)
"""Groups and keys that are applied without a restart, as are logging.level and api.rate_limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadResult:
    """What a reload did: key paths, and sentences about what stands in the way.

    With ``problems`` nothing was applied and everything is as it was.
    """

    applied: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """A configuration to go on with: the new one, but for what needs a restart."""

    settings: Settings
    applied: tuple[str, ...]
    needs_restart: tuple[str, ...]


def amend(running: Settings, started: Settings, new: Settings) -> Amended:
    """Lay the new configuration over the one in force, as far as that can be done now.

    ``started`` is the one the process began with: carriers know its agents and no others.
    Raises Problems if what can be applied does not fit what cannot.
    """
    queues, held_back = _queues(running, started, new)
    settings = running.model_copy(
        update={
            **{name: getattr(new, name) for name in _AT_ONCE},
            "queues": queues,
            # Named or not: as long as it stays the same one, nothing changes for anybody.
            "default_queue": (
                new.default_queue
                if new.intake_queue == running.intake_queue
                else running.default_queue
            ),
            "logging": running.logging.model_copy(update={"level": new.logging.level}),
            "api": running.api.model_copy(update={"rate_limit": new.api.rate_limit}),
        }
    )
    found = settings.contradictions()
    if not found and settings.intake_queue != running.intake_queue:
        found = [("default_queue", f"requests that name no queue go to {running.intake_queue!r}")]
    if found:
        text = "so nothing was applied; the rest needs a restart"
        raise Problems([(path, f"{why} ({text})") for path, why in found])
    settings.read_from(new.source)
    now = dict(leaves(settings))
    later = _differing(now, dict(leaves(new)))
    return Amended(
        settings=settings,
        applied=_differing(dict(leaves(running)), now),
        needs_restart=tuple(dict.fromkeys(_queue_of(path, held_back) for path in later)),
    )


def _queues(
    running: Settings, started: Settings, new: Settings
) -> tuple[dict[str, Queue], frozenset[str]]:
    """Return the queues to go on with, and the names of those that must wait for a restart."""
    queues: dict[str, Queue] = {}
    held_back: set[str] = set()
    for name, queue in new.queues.items():
        if all(_fits(queue, carrier, started) for carrier in queue.carriers):
            queues[name] = queue
            continue
        held_back.add(name)
        if name in running.queues:
            queues[name] = running.queues[name]
    return queues, frozenset(held_back)


def _fits(queue: Queue, carrier: str, started: Settings) -> bool:
    """Tell whether a carrier, as it was when the process began, can do what a queue asks."""
    if carrier not in started.carriers or set(queue.routes) - set(started.carriers[carrier].routes):
        return False
    known = {
        agent for one in started.queues.values() if carrier in one.carriers for agent in one.agents
    }
    return known.issuperset(queue.agents)


def _queue_of(path: str, held_back: frozenset[str]) -> str:
    """Name a queue that waits as a whole by its name, not by each of its keys."""
    group, _, rest = path.partition(".")
    name = rest.partition(".")[0]
    return f"queues.{name}" if group == "queues" and name in held_back else path


def _differing(old: dict[str, Any], new: dict[str, Any]) -> tuple[str, ...]:
    return tuple(path for path in dict.fromkeys((*old, *new)) if old.get(path) != new.get(path))
