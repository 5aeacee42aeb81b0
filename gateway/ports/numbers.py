"""What the core asks about telephone numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["NumberFacts", "NumberPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFacts:
    """What a number plan knows: E.164 form, ISO country, zones the number may be in."""

    e164: str = field(repr=False)
    country: str | None
    zones: tuple[str, ...]


class NumberPlan(Protocol):
    """Knows the world's telephone numbers."""

    def parse(self, text: str, default_country: str | None) -> NumberFacts:
        """Normalise what a person wrote; raises BadInput naming the problem and the remedy."""
        ...
