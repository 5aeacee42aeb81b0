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
from config.yamlfile import Document, read_document

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
    at_least: Seconds | None = Field(None, description="a floor that nothing shortens")
    most: int | None = Field(None, ge=1, description="so many such results end it")
    spread: bool = Field(
        default=False, description="try another part of the day than those that were missed"
    )
    next_number: bool = Field(default=False, description="go on with the contact's next number")

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if self.at_least is not None and self.at_least > min(self.delays):
            raise Problems([("at_least", "is longer than one of the delays; lower it")])
        return self


class SetOverride(Strict):
    """What one country has otherwise; keys that are not given stay as they are."""

    max_attempts: int | None = Field(None, ge=1, description="as in the set")
    min_gap: Seconds | None = Field(None, description="as in the set")
    after: dict[Result, AfterResult] = Field(default_factory=dict, description="as in the set")


class RetrySet(Strict):
    """One set of rules, by result. Durations in seconds."""

    about: str = Field("", description="what the set is for, for people")
    max_attempts: int = Field(ge=1, le=50, description="attempts held against the contact, in all")
    min_gap: Seconds = Field(description="the shortest time between two attempts that rang")
    jitter: Seconds = Field(900.0, le=900, description="how far a time may be moved at random")
    spread_within: Seconds = Field(
        86400.0, description="how much later another part of the day may be"
    )
    rotate_after: int = Field(2, ge=1, description="misses in a row before the next number")
    day_parts: dict[Name, Spans] = Field(
        default_factory=dict, description="the parts of the day that misses are spread over"
    )
    after: dict[Result, AfterResult] = Field(description="what follows each result")
    countries: dict[Country, SetOverride] = Field(
        default_factory=dict, description="what is otherwise in some countries"
    )

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
    document = read_document(path)
    try:
        return RetryRules(**_checked(document, path.name))
    except ValidationError as error:
        raise ConfigError(describe(error, RetryRules, path.name, lines=document.lines)) from None


def _checked(document: Document, source: str) -> dict[str, Any]:
    problems = list(_unknown_results(document, source))
    if problems:
        raise ConfigError(problems)
    return document.data


def _unknown_results(document: Document, source: str) -> Iterator[str]:
    """Give a mistyped result the same kind of hint as a mistyped key."""
    sets = document.data.get("sets")
    for name, one in sets.items() if isinstance(sets, dict) else ():
        after = one.get("after") if isinstance(one, dict) else None
        for result in after if isinstance(after, dict) else ():
            if result not in RESULTS:
                path = f"sets.{name}.after.{result}"
                where = f"{source}, line {document.lines[path]}: {path}"
                yield f"{where}: no such result; {did_you_mean(result, RESULTS)}"
