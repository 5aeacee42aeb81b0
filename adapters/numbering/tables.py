"""What ``phonenumbers`` knows, asked in one go instead of once for each property of a number.

The library answers "is it valid", "which country", "what kind" and "which zones" separately, and
works most of it out anew each time. Here its own tables are read and compiled once, and a number
written plainly (a plus and digits, or a national number without surprises) is read by a few
comparisons. Whatever is not plain is left to the library. The answers are the library's: a test
compares them over all countries.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberType
from phonenumbers.phonenumberutil import is_number_type_geographical
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

__all__ = ["Identity", "identify", "read_plain", "zones_of"]

_MARKS: Final = str.maketrans("", "", " ().-/")
_PLAIN: Final = re.compile(r"\+?[0-9][0-9 ().\-/]*")
_LONGEST_CODE: Final = 3
_SHORTEST, _LONGEST = 4, 17  # shorter ones have rules of their own in the library
# In the order in which the library asks; the first that matches is the kind.
_ORDER: Final = (
    ("premium_rate", PhoneNumberType.PREMIUM_RATE),
    ("toll_free", PhoneNumberType.TOLL_FREE),
    ("shared_cost", PhoneNumberType.SHARED_COST),
    ("voip", PhoneNumberType.VOIP),
    ("personal_number", PhoneNumberType.PERSONAL_NUMBER),
    ("pager", PhoneNumberType.PAGER),
    ("uan", PhoneNumberType.UAN),
    ("voicemail", PhoneNumberType.VOICEMAIL),
)
_Matches = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a number is: its country (None: of none), its kind, and whether it exists at all."""

    country: str | None
    kind: int
    valid: bool


@dataclass(frozen=True, slots=True)
class _Region:
    """One region's patterns, compiled."""

    code: int
    general: _Matches
    kinds: tuple[tuple[_Matches, int], ...]
    fixed: _Matches
    mobile: _Matches
    same: bool
    leading: re.Pattern[str] | None

    def kind(self, national: str) -> int:
        """Return the kind of a national number, UNKNOWN where it is none of this region."""
        if not self.general(national):
            return PhoneNumberType.UNKNOWN
        for matches, kind in self.kinds:
            if matches(national):
                return kind
        if self.fixed(national):
            both = self.same or self.mobile(national)
            return PhoneNumberType.FIXED_LINE_OR_MOBILE if both else PhoneNumberType.FIXED_LINE
        if not self.same and self.mobile(national):
            return PhoneNumberType.MOBILE
        return PhoneNumberType.UNKNOWN


def _never(_national: str) -> bool:
    return False


def _matcher(described: Any) -> _Matches:  # noqa: ANN401 -- the library's own, untyped
    if described is None or not described.national_number_pattern:
        return _never
    fullmatch = re.compile(described.national_number_pattern).fullmatch
    lengths = frozenset(described.possible_length)
    if not lengths:
        return lambda national: fullmatch(national) is not None
    return lambda national: len(national) in lengths and fullmatch(national) is not None


@cache
def _region(code: int, name: str) -> _Region | None:
    found: Any = PhoneMetadata.metadata_for_region_or_calling_code(code, name)
    if found is None:
        return None
    kinds = ((_matcher(getattr(found, field)), kind) for field, kind in _ORDER)
    return _Region(
        code=found.country_code,
        general=_matcher(found.general_desc),
        kinds=tuple((matches, kind) for matches, kind in kinds if matches is not _never),
        fixed=_matcher(found.fixed_line),
        mobile=_matcher(found.mobile),
        same=bool(found.same_mobile_and_fixed_line_pattern),
        leading=re.compile(found.leading_digits) if found.leading_digits else None,
    )


def identify(code: int, national: str) -> Identity:
    """Say what a number is, by country calling code and national significant number."""
    regions = COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    if len(regions) == 1:
        return _identity(regions[0], code, _region(code, regions[0]), national)
    for name in regions:
        region = _region(code, name)
        if region is None:
            continue
        if region.leading is not None:
            if region.leading.match(national):
                return _identity(name, code, region, national)
        elif (kind := region.kind(national)) != PhoneNumberType.UNKNOWN:
            return Identity(name, kind, valid=True)
    return Identity(None, PhoneNumberType.UNKNOWN, valid=False)


def _identity(name: str, code: int, region: _Region | None, national: str) -> Identity:
    kind = region.kind(national) if region else PhoneNumberType.UNKNOWN
    of_it = region is not None and (name == "001" or region.code == code)
    return Identity(name, kind, valid=of_it and kind != PhoneNumberType.UNKNOWN)


def zones_of(code: int, e164: str, kind: int) -> tuple[str, ...]:
    """Return the zones a valid number may be in, by the longest known beginning of it."""
    if not is_number_type_geographical(kind, code):
        return _zones(str(code))
    return _zones(e164[1 : 1 + TIMEZONE_LONGEST_PREFIX])


@lru_cache(maxsize=65_536)
def _zones(digits: str) -> tuple[str, ...]:
    for length in range(len(digits), 0, -1):
        if (found := TIMEZONE_DATA.get(digits[:length])) is not None:
            return tuple(found)
    return ("Etc/Unknown",)


def read_plain(text: str, default_country: str | None) -> tuple[int, str] | None:
    """Read a number that is written without surprises; None leaves it to the library.

    Returns its country calling code and national significant number.
    """
    if not _PLAIN.fullmatch(text):
        return None
    digits = text.translate(_MARKS)
    found = _international(digits[1:]) if digits[0] == "+" else _home(digits, default_country)
    if found is None or not _SHORTEST <= len(found[1]) <= _LONGEST or not found[1].strip("0"):
        return None
    return found


def _international(digits: str) -> tuple[int, str] | None:
    for length in range(1, _LONGEST_CODE + 1):
        code = int(digits[:length])
        if code in COUNTRY_CODE_TO_REGION_CODE:
            prefix = _prefix(code, COUNTRY_CODE_TO_REGION_CODE[code][0])
            national = digits[length:]
            plain = digits[0] != "0" and not (prefix.strip and prefix.strip.match(national))
            return (code, national) if plain else None
    return None


def _home(digits: str, country: str | None) -> tuple[int, str] | None:
    """Read a national number, its prefix taken off where that leaves a number of usual length."""
    if country is None or not _is_region(country):
        return None
    prefix = _prefix(0, country)
    if prefix.abroad and prefix.abroad.match(digits):
        return None
    if digits.startswith(str(prefix.code)) or not prefix.simple:
        return None
    match = prefix.strip.match(digits) if prefix.strip else None
    if match is None:
        return prefix.code, digits
    after = digits[match.end() :]
    if len(after) not in prefix.lengths or (prefix.general(digits) and not prefix.general(after)):
        return None
    return prefix.code, after


@dataclass(frozen=True, slots=True)
class _Prefix:
    """What stands before a national number. ``simple``: it is only taken off, never replaced."""

    code: int
    strip: re.Pattern[str] | None
    simple: bool
    abroad: re.Pattern[str] | None
    general: _Matches
    lengths: frozenset[int]


@cache
def _is_region(country: str) -> bool:
    found: object = PhoneMetadata.metadata_for_region(country, None)
    return found is not None


@cache
def _prefix(code: int, country: str) -> _Prefix:
    found: Any = PhoneMetadata.metadata_for_region_or_calling_code(code, country)
    strip = found.national_prefix_for_parsing
    general = found.general_desc
    return _Prefix(
        code=found.country_code,
        strip=re.compile(strip) if strip else None,
        simple=not found.national_prefix_transform_rule,
        abroad=re.compile(found.international_prefix) if found.international_prefix else None,
        general=_matcher(general),
        lengths=frozenset(general.possible_length) - frozenset(general.possible_length_local_only),
    )
