"""What the tests of the rules share: the shipped rules, compiled, and histories to plan from."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from config.retry_rules import load_retry_rules
from config.settings import Settings
from fallback.rules import RuleBook
from gateway.assemble import build_rules
from gateway.domain.disposition import Disposition
from gateway.domain.model import Attempt
from tests.support.builders import NUMBER, an_attempt

__all__ = ["history", "practice_settings", "shipped_rules"]


def practice_settings(**queue: Any) -> Settings:
    """Build settings of the practice profile with one queue, ``support``."""
    data: dict[str, Any] = {
        "profile": "practice",
        "default_country": "GB",
        "carriers": {
            "lab": {
                "type": "lab",
                "secret": "x",
                "channel": "PJSIP/{number}@lab",
                "routes": {"support": {"context": "kairos-connect"}},
            }
        },
        "queues": {"support": {"carriers": ["lab"], "route": "support", **queue}},
    }
    return Settings(**data)


def shipped_rules(name: str = "standard") -> RuleBook:
    """Compile the shipped rules, with this set for the queue ``support``."""
    return build_rules(practice_settings(retry_rules=name), load_retry_rules())


def history(
    *results: tuple[datetime, Disposition | None] | tuple[datetime, Disposition | None, str],
) -> tuple[Attempt, ...]:
    """Build closed attempts: when each began to ring, what came of it, at which number."""
    made = []
    for n, (at, disposition, *number) in enumerate(results, start=1):
        attempt = an_attempt(
            id=f"attempt-{n}",
            n=n,
            number=number[0] if number else NUMBER,
            reserved_at=at,
            disposition=disposition,
            closed_at=at + timedelta(seconds=30),
        )
        made.append(replace(attempt, placed_at=None if disposition is None else at))
    return tuple(made)
