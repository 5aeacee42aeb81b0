"""From settings to the rules: when to call, and what follows each result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from adapters.calendar import HolidaysCalendar
from config.countries import load_countries
from config.problems import ConfigError
from config.retry_rules import load_retry_rules
from config.settings import Settings
from fallback.planner import RulePlanner
from gateway.assemble import build_law, build_rules
from gateway.domain.windows import Law

__all__ = ["Rules", "build_rules_of"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What says when and whom to call."""

    law: Law
    planner: RulePlanner
    calendar: HolidaysCalendar


def build_rules_of(settings: Settings) -> Rules:
    """Read the rule files and compile them. Raises ConfigError with the mistakes in all of them."""
    problems: list[str] = []
    calendar = HolidaysCalendar()
    practice = settings.profile == "practice"

    def told(build: Callable[[], T]) -> T | None:
        try:
            return build()
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    law = told(
        lambda: build_law(
            settings, load_countries(settings.countries_file, practice=practice), calendar
        )
    )
    book = told(lambda: build_rules(settings, load_retry_rules(settings.retry_rules_file)))
    if law is None or book is None:
        raise ConfigError(problems)
    return Rules(law=law, planner=RulePlanner(book, law), calendar=calendar)
