"""The rules that are data: what is shipped is whole, and each mistake has its sentence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.calendar import HolidaysCalendar
from config.countries import load_countries
from config.problems import ConfigError
from config.retry_rules import RESULTS, load_retry_rules
from config.values import Span, parse_seconds, parse_week
from gateway.assemble import build_law, build_rules
from gateway.domain.disposition import Disposition
from gateway.domain.windows import Open
from tests.support.builders import NOW, a_contact
from tests.support.plans import practice_settings, shipped_rules

EU = [
    "AT",
    "BE",
    "BG",
    "HR",
    "CY",
    "CZ",
    "DK",
    "EE",
    "FI",
    "FR",
    "DE",
    "GR",
    "HU",
    "IE",
    "IT",
    "LV",
    "LT",
    "LU",
    "MT",
    "NL",
    "PL",
    "PT",
    "RO",
    "SK",
    "SI",
    "ES",
    "SE",
]
ALSO = ["GB", "US", "CA", "AU", "NZ", "CH", "NO", "IS", "LI"]


def written(folder: Path, data: dict[str, Any] | str) -> Path:
    file = folder / "rules.yaml"
    file.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return file


# Countries


def test_every_promised_country_has_a_rule_with_its_source() -> None:
    countries = load_countries().countries
    assert {*EU, *ALSO} <= countries.keys()
    for country, law in countries.items():
        assert law.source
        assert law.hours, country
        assert all(
            9 * 60 <= span.start < span.end <= 20 * 60 for day in law.hours.values() for span in day
        ), country
        assert 6 not in law.hours, f"{country}: no calls on Sundays by default"
        assert law.holidays == (), f"{country}: no calls on holidays by default"
        assert law.caps.per_day <= 3
        assert law.caps.min_gap >= 3600


def test_norway_is_a_country_and_not_a_denial(tmp_path: Path) -> None:
    entry = yaml.safe_dump(
        {
            "hours": "always",
            "caps": {"per_day": 1, "per_week": 1, "min_gap": 0},
            "source": "only a test",
        }
    )
    text = "countries:\n  NO:\n" + "".join(f"    {line}\n" for line in entry.splitlines())
    assert list(load_countries(written(tmp_path, text)).countries) == ["NO"]


def test_france_keeps_its_lunch() -> None:
    week = load_countries().countries["FR"].hours
    assert week == dict.fromkeys(range(5), (Span(600, 780), Span(840, 1200)))


def country(**changes: Any) -> dict[str, Any]:
    rule = {
        "hours": {"mon-fri": "09:00-18:00"},
        "caps": {"per_day": 3, "per_week": 7, "min_gap": "1h"},
        "source": "only a test",
    }
    return {"countries": {"FI": rule | changes}}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (country(hour={}), "countries.FI.hour: unknown key; did you mean 'hours'?"),
        (country(source=""), "countries.FI.source: "),
        (country(caps={"per_day": 0, "per_week": 1, "min_gap": 0}), "countries.FI.caps.per_day: "),
        (country(caps={"per_week": 1, "min_gap": 0}), "per_day: missing; add this key (attempts a"),
        (country(hours={"mo": "9:00-10:00"}), "countries.FI.hours: 'mo' is no day"),
        (country(holidays="never"), "countries.FI.holidays"),
        ({"countries": {"Finland": country()["countries"]["FI"]}}, "two capital letters"),
        (
            {"countries": {"*": country()["countries"]["FI"]}},
            "allowed in the practice profile only",
        ),
        ({"countries": {}}, "countries: is empty; add at least one"),
        ({}, "countries: missing"),
    ],
)
def test_mistakes_in_country_rules(tmp_path: Path, data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_countries(written(tmp_path, data))
    assert [one for one in caught.value.problems if sentence in one], caught.value.problems
    assert all(re.match(r"rules\.yaml(, line \d+)?: ", one) for one in caught.value.problems)


def test_the_law_of_the_practice_world_is_always_open() -> None:
    settings = practice_settings()
    law = build_law(settings, load_countries(practice=True), HolidaysCalendar())
    contact = a_contact(country="GB", zone="Europe/London")
    assert isinstance(law.allows(contact, "support", NOW.replace(month=12, day=25, hour=3)), Open)
    assert law.soft_wishes == frozenset()


def test_settings_become_law() -> None:
    settings = practice_settings(
        hours={"mon-fri": "10:00-12:00", "sat": "closed"}, preferred_is_binding=False
    )
    law = build_law(settings, load_countries(), HolidaysCalendar())
    assert law.soft_wishes == {"support"}
    assert law.queues["support"].keys() == set(range(6))
    rule = law.countries["US"]
    assert (rule.cap_day, rule.cap_week, rule.min_gap) == (2, 6, 4 * 3600)
    assert rule.source.startswith("Federal law")


def test_a_country_that_may_be_called_needs_a_rule_and_a_calendar() -> None:
    settings = practice_settings()
    odd = settings.model_copy(
        update={"numbers": settings.numbers.model_copy(update={"countries": ("FI", "QQ")})}
    )
    with pytest.raises(ConfigError) as caught:
        build_law(odd, load_countries(), HolidaysCalendar())
    assert [one.split(":")[0] for one in caught.value.problems] == ["numbers.countries"] * 2
    assert "QQ may be called but has no calling rule" in caught.value.problems[0]
    assert "no holiday calendar" in caught.value.problems[1]


# Retry rules


def test_the_shipped_sets_have_a_rule_for_everything() -> None:
    rules = load_retry_rules()
    assert {"standard", "urgent", "practice"} <= rules.sets.keys()
    known = {*Disposition, None} - {Disposition.ANSWERED_HUMAN}
    for name in rules.sets:
        assert shipped_rules(name).sets[name].after.keys() == known
    assert set(RESULTS) == {one or "not_sent" for one in known}


def test_real_sets_do_not_hurry() -> None:
    """What is not known to have failed, and what would hit a carrier in trouble, waits."""
    for name in ("standard", "urgent"):
        after = shipped_rules(name).sets[name].after
        assert after[Disposition.UNRESOLVED].at_least >= 4 * 3600
        assert after[Disposition.REJECTED].at_least >= 4 * 3600
        assert after[Disposition.NO_ANSWER].at_least >= 3600
        assert after[Disposition.CONGESTION].at_least >= 120
        assert after[Disposition.FAILED].at_least >= 120
        assert after[Disposition.INVALID_NUMBER].next_number
        assert after[None].delay(1) == 0


def test_the_least_wait_is_the_gap_after_a_call_that_rang() -> None:
    after = shipped_rules().sets["standard"].after
    assert after[Disposition.NO_ANSWER].at_least == 2 * 3600
    assert after[Disposition.BUSY].at_least == 600


def test_a_set_is_signed_by_its_content() -> None:
    rules = load_retry_rules()
    settings = practice_settings()
    before = build_rules(settings, rules).sets["standard"]
    standard = rules.sets["standard"]
    told = standard.model_copy(update={"about": "Other words"})
    fewer = standard.model_copy(update={"max_attempts": 3})
    for changed, same in ((told, True), (fewer, False)):
        sets = {**rules.sets, "standard": changed}
        after = build_rules(settings, rules.model_copy(update={"sets": sets})).sets["standard"]
        assert (after.version == before.version) is same
        assert after.decider == f"rule:standard@{after.version}"


def test_a_queue_must_name_a_set_that_is_there() -> None:
    with pytest.raises(ConfigError, match="no set 'standart' in the retry rules; did you mean"):
        build_rules(practice_settings(retry_rules="standart"), load_retry_rules())


def retry(**changes: Any) -> dict[str, Any]:
    one: dict[str, Any] = {
        "max_attempts": 3,
        "min_gap": "1h",
        "after": {result: {"delays": ["1h"]} for result in RESULTS},
    }
    return {"sets": {"mine": one | changes}}


def after(**changes: Any) -> dict[str, Any]:
    rules = {result: {"delays": ["1h"]} for result in RESULTS} | changes
    return retry(after={result: rule for result, rule in rules.items() if rule is not None})


def test_a_small_set_is_enough(tmp_path: Path) -> None:
    assert load_retry_rules(written(tmp_path, retry())).sets["mine"].rotate_after == 2


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (retry(max_attemps=3), "sets.mine.max_attemps: unknown key; did you mean 'max_attempts'?"),
        (retry(max_attempts=0), "sets.mine.max_attempts: must be greater than or equal to 1"),
        (retry(jitter="1h"), "sets.mine.jitter: must be less than or equal to 900"),
        (after(busy=None), "sets.mine.after.busy: missing; say what to do after this result"),
        (
            after(bussy={"delays": [1]}),
            "sets.mine.after.bussy: no such result; did you mean 'busy'?",
        ),
        (after(busy={}), "sets.mine.after.busy.delays: missing; add this key (the wait after"),
        (after(busy={"delays": []}), "sets.mine.after.busy.delays: is empty; add at least one"),
        (after(busy={"delays": ["soon"]}), "sets.mine.after.busy.delays[0]: must be a duration"),
        (after(busy={"delays": [-1]}), "sets.mine.after.busy.delays[0]: must be greater than"),
        (
            after(busy={"delays": [60], "at_least": "1h"}),
            "at_least: is longer than one of the delays",
        ),
        (after(busy={"delays": [60], "spread": True}), "after.busy.spread: there are no day_parts"),
        (retry(day_parts={"day": "08:00-20:00"}), "day_parts: must cover 00:00-24:00 without gaps"),
        (retry(countries={"fr": {}}), "two capital letters"),
        ({"sets": {}}, "sets: is empty; add at least one"),
        ({"sets": 3}, "sets: must be a group of keys"),
    ],
)
def test_mistakes_in_retry_rules(tmp_path: Path, data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_retry_rules(written(tmp_path, data))
    assert [one for one in caught.value.problems if sentence in one], caught.value.problems
    assert all(re.match(r"rules\.yaml(, line \d+)?: ", one) for one in caught.value.problems)


# Values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5h", 5400), ("2d", 172_800), ("1h 30m", 5400), ("250ms", 0.25)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_seconds(text) == pytest.approx(seconds)
    assert parse_seconds(seconds) == seconds


@pytest.mark.parametrize("text", ["", "h", "1 fortnight", "-5s", "1h-", "nan"])
def test_words_that_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_seconds(text)


def test_weeks() -> None:
    assert parse_week("always") == dict.fromkeys(range(7), (Span(0, 1440),))
    assert parse_week({"fri-mon": "9:00-10:00"}).keys() == {4, 5, 6, 0}
    assert parse_week({"Tue": ["13:00-14:00", "09:00-10:00"]}) == {
        1: (Span(540, 600), Span(780, 840))
    }
    assert parse_week({"sun": "closed"}) == {6: ()}
