"""Everything people can ask of Kairos, in one object: for the API and the commands."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.app.amendments import Amendments
from gateway.app.holds import Holds
from gateway.app.intake import Intake
from gateway.app.interactions import Interactions
from gateway.app.rules import Rules
from gateway.app.why import Why
from gateway.ports import Clock, Ids, NumberPlan, Store

__all__ = ["Office"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What can be asked for. ``store`` is for reading, and for what has no use case of its own.

    ``numbers`` and ``default_country`` read what people write; ``rules`` are those in force.
    """

    store: Store
    clock: Clock
    ids: Ids
    numbers: NumberPlan
    default_country: str | None
    rules: Rules
    intake: Intake
    amendments: Amendments
    interactions: Interactions
    holds: Holds
    why: Why
