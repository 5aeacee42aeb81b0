"""From settings to the rules: when to call, and what follows each result."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.calendar import HolidaysCalendar
from config.countries import load_countries
from config.retry_rules import load_retry_rules
from config.settings import Settings
from fallback.planner import RulePlanner
from gateway.assemble import build_law, build_rules
from gateway.domain.windows import Law

__all__ = ["Rules", "build_rules_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What says when and whom to call."""

    law: Law
    planner: RulePlanner
    calendar: HolidaysCalendar


def build_rules_of(settings: Settings) -> Rules:
    """Read the rule files and compile them. Raises ConfigError."""
    calendar = HolidaysCalendar()
    practice = settings.profile == "practice"
    law = build_law(settings, load_countries(settings.countries_file, practice=practice), calendar)
    book = build_rules(settings, load_retry_rules(settings.retry_rules_file))
    return Rules(law=law, planner=RulePlanner(book, law), calendar=calendar)
