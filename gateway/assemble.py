"""From configuration to the domain's own values: the law, the numbers' limits, the retry rules.

Configuration knows nothing of the domain and the domain nothing of configuration; this is where
they meet. Everything raised here is a ConfigError.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date

from config.countries import ANY_COUNTRY, Countries, CountryLaw
from config.problems import ConfigError, did_you_mean
from config.retry_rules import AfterResult as AfterResultData
from config.retry_rules import RetryRules, RetrySet
from config.settings import Settings
from config.values import Span
from fallback.rules import AfterResult, DayPart, RuleBook, RuleSet
from gateway.domain.disposition import Disposition, meaning
from gateway.domain.errors import BadInput
from gateway.domain.windows import CountryRule, HolidayCalendar, Hours, Law, WeeklyHours

__all__ = ["build_law", "build_rules"]

_NOT_SENT = "not_sent"
_ANY_DAY = date(2026, 1, 1)


def build_law(settings: Settings, countries: Countries, calendar: HolidayCalendar) -> Law:
    """Compile the rules about when to call.

    Raises ConfigError if a country that may be called has no rule or no calendar.
    """
    rules = countries.countries
    problems = [
        f"{country} may be called but has no calling rule; add it to the countries file"
        for country in sorted(settings.allowed_countries)
        if country not in rules and ANY_COUNTRY not in rules
    ]
    for country in sorted(settings.allowed_countries):
        try:
            calendar.holiday(country, None, _ANY_DAY)
        except BadInput as unknown:
            problems.append(f"{country} may be called but {unknown}")
    if problems:
        raise ConfigError(f"numbers.countries: {one}" for one in problems)
    return Law(
        countries={code: _country(law) for code, law in rules.items()},
        calendar=calendar,
        queues={
            name: _week(queue.hours)
            for name, queue in settings.queues.items()
            if queue.hours is not None
        },
        soft_wishes=frozenset(
            name for name, queue in settings.queues.items() if not queue.preferred_is_binding
        ),
    )


def build_rules(settings: Settings, rules: RetryRules) -> RuleBook:
    """Compile the retry rules. Raises ConfigError if a queue names a set that is not there."""
    problems = [
        f"queues.{name}.retry_rules: no set {queue.retry_rules!r} in the retry rules; "
        + did_you_mean(queue.retry_rules, rules.sets)
        for name, queue in settings.queues.items()
        if queue.retry_rules not in rules.sets
    ]
    if problems:
        raise ConfigError(problems)
    return RuleBook(
        sets={name: _rule_set(name, one) for name, one in rules.sets.items()},
        countries={
            (name, country): _rule_set(name, one.for_country(country))
            for name, one in rules.sets.items()
            for country in one.countries
        },
        queues={name: queue.retry_rules for name, queue in settings.queues.items()},
        default=settings.queues[settings.intake_queue].retry_rules,
    )


def _country(law: CountryLaw) -> CountryRule:
    weekly = _week(law.hours)
    everything = (Hours(0, 24 * 60),)
    return CountryRule(
        weekly=weekly,
        holidays=everything if law.holidays == "as_usual" else _hours(law.holidays),
        cap_day=law.caps.per_day,
        cap_week=law.caps.per_week,
        min_gap=law.caps.min_gap,
        source=law.source,
    )


def _week(week: Mapping[int, Sequence[Span]]) -> WeeklyHours:
    return {day: _hours(spans) for day, spans in week.items()}


def _hours(spans: Sequence[Span]) -> tuple[Hours, ...]:
    return tuple(Hours(span.start, span.end) for span in spans)


def _rule_set(name: str, data: RetrySet) -> RuleSet:
    content = json.dumps(
        data.model_dump(mode="json", exclude={"about", "countries"}), sort_keys=True
    )
    return RuleSet(
        name=name,
        version=hashlib.sha256(content.encode()).hexdigest()[:8],
        max_attempts=data.max_attempts,
        after=dict(_after(result, rule, data) for result, rule in data.after.items()),
        jitter=data.jitter,
        spread_within=data.spread_within,
        rotate_after=data.rotate_after,
        day_parts=tuple(DayPart(part, _hours(spans)) for part, spans in data.day_parts.items()),
    )


def _after(
    result: str, rule: AfterResultData, data: RetrySet
) -> tuple[Disposition | None, AfterResult]:
    disposition = None if result == _NOT_SENT else Disposition(result)
    at_least = rule.at_least
    if at_least is None:
        rang = disposition is not None and meaning(disposition).reached_contact
        at_least = data.min_gap if rang else min(rule.delays)
    return disposition, AfterResult(
        delays=rule.delays,
        at_least=at_least,
        most=rule.most,
        spread=rule.spread,
        next_number=rule.next_number,
    )
