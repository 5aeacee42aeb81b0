"""The rules in force, shared by everyone who goes by them, so that they change for all at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.app.spec import QueueSpec
from gateway.domain.windows import Law
from gateway.ports import Planner

__all__ = ["Rules"]


@dataclass(frozen=True, slots=True)
class _InForce:
    planner: Planner
    law: Law
    queues: Mapping[str, QueueSpec]


class Rules:
    """Who plans, what is allowed, which queues there are. Read through, never keep what it gave."""

    def __init__(self, planner: Planner, law: Law, queues: Mapping[str, QueueSpec]) -> None:
        self._now = _InForce(planner, law, dict(queues))

    def replace(self, planner: Planner, law: Law, queues: Mapping[str, QueueSpec]) -> None:
        """Have these in force from now on, all at once."""
        self._now = _InForce(planner, law, dict(queues))

    @property
    def planner(self) -> Planner:
        """Who chooses the time of the next attempt."""
        return self._now.planner

    @property
    def law(self) -> Law:
        """When calls are allowed."""
        return self._now.law

    @property
    def queues(self) -> Mapping[str, QueueSpec]:
        """The queues by name, in the order of the configuration."""
        return self._now.queues
