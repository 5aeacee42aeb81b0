"""The quick way to read a number says exactly what the library says, slowly."""

import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType, timezone

from adapters.numbering.tables import identify, read_plain, zones_of

COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)
CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
KINDS = [kind for kind in PhoneNumberType.values() if kind != PhoneNumberType.UNKNOWN]


def check(text: str, country: str | None) -> bool:
    """Compare both; return whether the quick way had an answer."""
    plain = read_plain(text, country)
    if plain is None:
        return False
    number = phonenumbers.parse(text, country)  # raises where the quick way should have left it
    national = phonenumbers.national_significant_number(number)
    assert plain == (number.country_code, national), (text, country)
    code, national = plain
    what = identify(code, national)
    assert what.valid == phonenumbers.is_valid_number(number), (text, country)
    if what.valid:
        assert what.country == phonenumbers.region_code_for_number(number)
        assert what.kind == phonenumbers.number_type(number)
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        assert e164 == f"+{code}{national}"
        assert zones_of(code, e164, what.kind) == tuple(timezone.time_zones_for_number(number))
    return True


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_example_numbers_of_every_country_and_their_neighbours(country: str) -> None:
    chance = random.Random(country)
    answered = seen = 0
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(country, kind)
        if example is None:
            continue
        for form in (PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL):
            text = phonenumbers.format_number(example, form)
            for n in range(12):
                seen += 1
                answered += check(text if n == 0 else _changed(text, chance), country)
    assert answered > seen / 20


def _changed(text: str, chance: random.Random) -> str:
    places = [place for place, char in enumerate(text) if char.isdigit()]
    for place in chance.sample(places, min(len(places), chance.randint(1, 4))):
        text = text[:place] + str(chance.randint(0, 9)) + text[place + 1 :]
    return text if chance.random() < 0.8 else text[: -chance.randint(1, 3)]


@given(
    st.sampled_from(CODES),
    st.text("0123456789 -().", min_size=1, max_size=18),
    st.sampled_from([None, "US", "GB", "DE", "IT", "AR", "MX", "FI", "BR", "RU"]),
)
def test_any_digits_after_any_country_code(code: int, rest: str, country: str | None) -> None:
    try:
        check(f"+{code}{rest}", country)
    except phonenumbers.NumberParseException:
        pytest.fail(f"the library cannot read +{code}{rest}")


@given(
    st.text("0123456789 -().", min_size=1, max_size=18),
    st.sampled_from(COUNTRIES),
)
def test_any_digits_dialed_from_any_country(text: str, country: str) -> None:
    try:
        check(text, country)
    except phonenumbers.NumberParseException:
        pytest.fail(f"the library cannot read {text} in {country}")
