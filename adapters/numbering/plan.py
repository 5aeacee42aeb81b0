"""Telephone numbers as ``phonenumbers`` knows them, and which of them may be called at all.

Against toll fraud the order is: readable, valid, in an allowed country, of an allowed kind, not
denied. The kind alone would not do: expensive foreign ranges pass as ordinary mobiles.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

import phonenumbers
from phonenumbers import PhoneNumberType

from adapters.numbering.clocks import distinct_clocks
from adapters.numbering.tables import identify, read_plain, zones_of
from gateway.domain.errors import BadInput
from gateway.domain.model import mask
from gateway.ports import NumberFacts

__all__ = ["PhoneNumberPlan"]

_MAX_LENGTH = 40
# Digits and what people write between them, the typographic dashes and the minus sign included.
_WRITTEN = re.compile(r"[\d\s+().\-/\u2010-\u2015\u2212]+")
_ALLOWED_KINDS = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
        PhoneNumberType.UAN,
        PhoneNumberType.TOLL_FREE,
    }
)
_KIND_NAMES = {
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PERSONAL_NUMBER: "a personal (redirected) number",
    PhoneNumberType.VOICEMAIL: "a voicemail access number",
    PhoneNumberType.PAGER: "a pager",
}


class PhoneNumberPlan:
    """The ``NumberPlan`` of a running gateway.

    ``countries`` (ISO 3166) may be called and no others. ``denied_prefixes`` are beginnings of
    E.164 numbers that are never called; ``only_prefixes``, where given, those of all that may be.
    """

    def __init__(
        self,
        countries: Collection[str],
        *,
        denied_prefixes: Collection[str] = (),
        only_prefixes: Collection[str] = (),
    ) -> None:
        self._countries = frozenset(countries)
        self._denied = tuple(denied_prefixes)
        self._only = tuple(only_prefixes)

    def parse(self, text: str, default_country: str | None) -> NumberFacts:
        """Normalise what a person wrote; raises BadInput naming the problem and the remedy."""
        code, national = _read(text, default_country)
        e164 = f"+{code}{national}"
        what = identify(code, national)
        if not what.valid:
            raise _bad("there is no such number", _advice(text), e164)
        country = what.country
        self._check_country(country, e164)
        if what.kind not in _ALLOWED_KINDS:
            name = _KIND_NAMES.get(what.kind, "a number of an unknown kind")
            raise _bad(f"this is {name}, which is never called", "give another number", e164)
        if self._denied and e164.startswith(self._denied):
            problem = "numbers that begin so are never called here"
            raise _bad(problem, "give another number, or mend numbers.denied_prefixes", e164)
        if self._only and not e164.startswith(self._only):
            problem = "only practice numbers may be called here"
            raise _bad(problem, "use one like +442079460123", e164)
        zones = distinct_clocks(zones_of(code, e164, what.kind), country)
        return NumberFacts(e164=e164, country=country, zones=zones)

    def _check_country(self, country: str | None, e164: str) -> None:
        if country in self._countries:
            return
        if not country or country == "001":
            raise _bad("it belongs to no country", "give a national number", e164)
        remedy = f"give another, or add {country} to numbers.countries if it is to be called"
        raise _bad(f"numbers of {country} may not be called here", remedy, e164)


def _read(text: str, default_country: str | None) -> tuple[int, str]:
    """Return country calling code and national significant number."""
    text = text.strip(" ")
    country = default_country and default_country.upper()
    if len(text) <= _MAX_LENGTH and (plain := read_plain(text, country)):
        return plain
    if not text:
        raise BadInput("number", "missing", remedy="give a telephone number")
    if any(unicodedata.category(char) in {"Cc", "Cf", "Co", "Cs", "Cn"} for char in text):
        raise _bad("holds invisible or control characters", "type it anew instead of pasting", text)
    if len(text) > _MAX_LENGTH:
        raise _bad(f"longer than {_MAX_LENGTH} characters", "give one telephone number", text)
    if not _WRITTEN.fullmatch(text):
        remedy = "use digits, spaces, + ( ) - . / only; an extension cannot be called"
        raise _bad("is not a telephone number", remedy, text)
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as problem:
        if problem.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            remedy = "write it with + and the country code, like +358401234567"
            raise _bad("the country is not known", remedy, text) from None
        remedy = "give the whole number, like +358401234567"
        raise _bad("is not a telephone number", remedy, text) from None
    return number.country_code or 0, phonenumbers.national_significant_number(number)


def _advice(text: str) -> str:
    """Say what to do about a number that does not exist; often a spreadsheet ate its plus."""
    digits = "".join(char for char in text if char.isdigit())
    whole = None if text.lstrip().startswith(("+", "0")) else read_plain(f"+{digits}", None)
    if whole and identify(*whole).valid:
        return f"it seems to lack its plus: write it with + and the country code, like +{whole[0]}…"
    return "check the digits and the country code"


def _bad(problem: str, remedy: str, number: str) -> BadInput:
    digits = "".join(char for char in number if char.isdigit())
    return BadInput("number", problem, value=mask(digits), remedy=remedy)
