"""Retry rules as data: after which result how long to wait, how often, to which number.

The shipped rules are ``config/retry-rules.yaml``, which explains every key.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from config.problems import ConfigError, Problems, describe, did_you_mean
from config.values import Country, Name, Seconds, Span, Spans, Strict
from config.yamlfile import read_yaml

__all__ = ["AfterResult", "RetryRules", "RetrySet", "SetOverride", "load_retry_rules"]

Result = Literal[
    "answered_machine",
    "abandoned",
    "agent_no_answer",
    "busy",
    "no_answer",
    "rejected",
    "congestion",
    "invalid_number",
    "failed",
    "canceled",
    "unresolved",
    "not_sent",
]
RESULTS: tuple[Result, ...] = Result.__args__  # type: ignore[attr-defined]


class AfterResult(Strict):
    """What follows one kind of result. Durations in seconds."""

    delays: tuple[Seconds, ...] = Field(
        min_length=1, description="the wait after the first, second, ... such result"
    )
    at_least: Seconds | None = None
    most: int | None = Field(None, ge=1)
    spread: bool = False
    next_number: bool = False

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if self.at_least is not None and self.at_least > min(self.delays):
            raise Problems([("at_least", "is longer than one of the delays; lower it")])
        return self


class SetOverride(Strict):
    """What one country has otherwise; keys that are not given stay as they are."""

    max_attempts: int | None = Field(None, ge=1)
    min_gap: Seconds | None = None
    after: dict[Result, AfterResult] = Field(default_factory=dict)


class RetrySet(Strict):
    """One set of rules, by result. Durations in seconds."""

    about: str = ""
    max_attempts: int = Field(ge=1, le=50, description="attempts held against the contact, in all")
    min_gap: Seconds = Field(description="the shortest time between two attempts that rang")
    jitter: Seconds = Field(900.0, le=900)
    spread_within: Seconds = 86400.0
    rotate_after: int = Field(2, ge=1)
    day_parts: dict[Name, Spans] = Field(default_factory=dict)
    after: dict[Result, AfterResult]
    countries: dict[Country, SetOverride] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        found = [
            (f"after.{result}", "missing; say what to do after this result")
            for result in RESULTS
            if result not in self.after
        ]
        found += [
            (f"after.{result}.spread", "there are no day_parts to spread over; add them")
            for result, rule in self.after.items()
            if rule.spread and not self.day_parts
        ]
        spans = sorted(span for part in self.day_parts.values() for span in part)
        if spans and not _cover_a_day(spans):
            found.append(("day_parts", "must cover 00:00-24:00 without gaps or overlaps"))
        if found:
            raise Problems(found)
        return self

    def for_country(self, country: str) -> RetrySet:
        """Return the set as it is in one country."""
        other = self.countries.get(country)
        if other is None:
            return self
        changes = other.model_dump(exclude_none=True, exclude={"after"})
        return self.model_copy(update={**changes, "after": {**self.after, **other.after}})


class RetryRules(Strict):
    """Every set by name, and the one for queues that name none of their own."""

    sets: dict[Name, RetrySet] = Field(min_length=1, description="the rule sets, by name")


def _cover_a_day(spans: list[Span]) -> bool:
    ends = [0, *(span.end for span in spans)]
    return [span.start for span in spans] == ends[:-1] and ends[-1] == 24 * 60


def load_retry_rules(path: Path | None = None) -> RetryRules:
    """Read a file of retry rules (default: the shipped one). Raises ConfigError."""
    path = path or Path(__file__).with_name("retry-rules.yaml")
    raw = read_yaml(path)
    try:
        return RetryRules(**_checked(raw, path.name))
    except ValidationError as error:
        raise ConfigError(describe(error, RetryRules, path.name)) from None


def _checked(raw: dict[str, Any], source: str) -> dict[str, Any]:
    problems = list(_unknown_results(raw, source))
    if problems:
        raise ConfigError(problems)
    return raw


def _unknown_results(raw: dict[str, Any], source: str) -> Iterator[str]:
    """Give a mistyped result the same kind of hint as a mistyped key."""
    sets = raw.get("sets")
    for name, one in sets.items() if isinstance(sets, dict) else ():
        after = one.get("after") if isinstance(one, dict) else None
        for result in after if isinstance(after, dict) else ():
            if result not in RESULTS:
                where = f"{source}: sets.{name}.after.{result}"
                yield f"{where}: no such result; {did_you_mean(result, RESULTS)}"
