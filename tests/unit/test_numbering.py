"""Telephone numbers: what is read, what is refused and with which words."""

from __future__ import annotations

import pytest

from adapters.lab.numbers import AMERICAN_RANGES, INVALID_RANGES, RANGES
from adapters.numbering import PhoneNumberPlan
from config.practice_numbers import PRACTICE_PREFIXES
from gateway.domain.errors import BadInput

PLAN = PhoneNumberPlan(["FI", "GB", "US", "FR", "AU", "EE", "IE", "ES"], denied_prefixes=["+35870"])


@pytest.mark.parametrize(
    ("text", "country", "e164", "home", "zones"),
    [
        ("040 123 4567", "FI", "+358401234567", "FI", ("Europe/Helsinki",)),
        ("040 123 4567", "fi", "+358401234567", "FI", ("Europe/Helsinki",)),
        (" +358 (0)40-123 45 67 ", None, "+358401234567", "FI", ("Europe/Helsinki",)),
        ("00358401234567", "FI", "+358401234567", "FI", ("Europe/Helsinki",)),
        ("+44 20 7946 0123", "FI", "+442079460123", "GB", ("Europe/London",)),
        ("+44 7400 123456", None, "+447400123456", "GB", ("Europe/London",)),
        ("+37251234567", None, "+37251234567", "EE", ("Europe/Tallinn",)),
        ("+353 85 012 3456", None, "+353850123456", "IE", ("Europe/Dublin",)),
        ("+1 212\u2011555\u20110123", None, "+12125550123", "US", ("America/New_York",)),
        ("+61 2 5550 1234", None, "+61255501234", "AU", ("Australia/Sydney",)),
    ],
)
def test_numbers_people_write(
    text: str, country: str | None, e164: str, home: str, zones: tuple[str, ...]
) -> None:
    facts = PLAN.parse(text, country)
    assert (facts.e164, facts.country, facts.zones) == (e164, home, zones)


def test_a_number_that_may_be_in_several_zones_names_each_clock_once() -> None:
    assert set(PLAN.parse("+34612345678", None).zones) == {"Europe/Madrid", "Atlantic/Canary"}
    australian = PLAN.parse("+61412345678", None).zones
    assert "Australia/Sydney" in australian
    assert len(australian) > 3


@pytest.mark.parametrize(
    ("text", "country", "words"),
    [
        ("", "FI", "missing; give a telephone number"),
        ("   ", "FI", "missing"),
        ("call me", "FI", "is not a telephone number"),
        ("+358401234567 ext. 5", "FI", "an extension cannot be called"),
        ("1-800-FLOWERS", "US", "use digits"),
        ("tel:+358401234567", "FI", "use digits"),
        ("+44201\r\nAction: Command", "FI", "invisible or control characters"),
        ("\u202a+358401234567\u202c", "FI", "type it anew"),
        ("+358401234567\0", "FI", "invisible or control characters"),
        ("0401234567", None, "the country is not known; write it with +"),
        ("+999401234567", None, "the country is not known"),
        ("+", "FI", "is not a telephone number; give the whole number"),
        ("12 " * 20, "FI", "longer than 40 characters"),
        ("+358 40 123", "FI", "there is no such number"),
        ("112", "FI", "there is no such number"),
        ("+447700900123", "GB", "there is no such number"),
        ("+1 900 555 0123", None, "a premium-rate number, which is never called"),
        ("0600 12345", "FI", "a premium-rate number"),
        ("+44 70 1234 5678", None, "a personal (redirected) number"),
        ("+33 884 012 345", None, "a shared-cost number"),
        ("+353 85 5 123 4567", None, "a voicemail access number"),
        ("+44 76 4012 3456", None, "a pager"),
        ("+881612345678", None, "it belongs to no country"),
        ("+1 809 555 1234", None, "numbers of DO may not be called here"),
        ("+4930123456", None, "add DE to numbers.countries"),
    ],
)
def test_what_is_refused(text: str, country: str | None, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        PLAN.parse(text, country)
    assert refused.value.field == "number"
    assert refused.value.remedy
    assert words in str(refused.value)


def test_a_denied_beginning() -> None:
    with pytest.raises(BadInput, match="numbers that begin so are never called here"):
        PhoneNumberPlan(["FI"], denied_prefixes=["+35840"]).parse("0401234567", "FI")


def test_a_refused_number_is_not_shown() -> None:
    for text in ("+4930123456", "+358401234567 x", "0401234567\r\n"):
        with pytest.raises(BadInput) as refused:
            PLAN.parse(text, None)
        assert "1234" not in str(refused.value)


def test_the_practice_numbers_are_those_of_the_lab() -> None:
    """And the number plan takes every one of them: practice goes through the real intake."""
    ranges = (*RANGES, *AMERICAN_RANGES)
    assert sorted(PRACTICE_PREFIXES) == sorted(one.prefix for one in ranges)
    plan = PhoneNumberPlan(["GB", "FR", "AU", "US"], only_prefixes=PRACTICE_PREFIXES)
    for one in ranges:
        for index in (0, 10**one.digits - 1):
            facts = plan.parse(one.number(index), None)
            assert facts.e164 == one.number(index)
            assert facts.zones == (one.zone,)
    for one in INVALID_RANGES:
        with pytest.raises(BadInput):
            plan.parse(one.number(0), None)


def test_practice_calls_nobody_else() -> None:
    plan = PhoneNumberPlan(["GB", "FI"], only_prefixes=PRACTICE_PREFIXES)
    with pytest.raises(BadInput, match="only practice numbers may be called here"):
        plan.parse("+442071234567", None)


def test_a_number_whose_plus_was_lost_is_told_so() -> None:
    with pytest.raises(BadInput, match="lack its plus"):
        PhoneNumberPlan(["GB", "DE"]).parse("4915112345678", "GB")
    with pytest.raises(BadInput, match="check the digits"):
        PhoneNumberPlan(["GB", "DE"]).parse("+44999", "GB")
