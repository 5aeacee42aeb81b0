"""Calling rules of countries as data: hours, holidays, caps, and where each rule comes from.

The shipped rules are ``config/countries.yaml``. They are careful defaults, not legal advice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from config.problems import ConfigError, describe
from config.values import Seconds, Span, Strict, Week, parse_spans
from config.yamlfile import read_document

__all__ = ["ANY_COUNTRY", "Caps", "Countries", "CountryLaw", "load_countries"]

ANY_COUNTRY = "*"


def _holidays(value: object) -> object:
    return value if value == "as_usual" else parse_spans(value)


def _key(value: str) -> str:
    if value != ANY_COUNTRY and not (len(value) == 2 and value.isascii() and value.isupper()):  # noqa: PLR2004 -- ISO 3166 alpha-2
        raise ValueError("must be a country's two capital letters (ISO 3166), like FI")
    return value


class Caps(Strict):
    """How often one contact, and one number, may be called; ``min_gap`` in seconds."""

    per_day: int = Field(ge=1, le=1000, description="attempts a day")
    per_week: int = Field(ge=1, le=5000, description="attempts in any seven days")
    min_gap: Seconds = Field(description="the shortest time between two attempts")


class CountryLaw(Strict):
    """What one country allows, in the contact's local time."""

    hours: Week = Field(description="when calls are allowed, by weekday")
    holidays: Annotated[tuple[Span, ...] | Literal["as_usual"], BeforeValidator(_holidays)] = Field(
        (), description="the hours of a public holiday, closed, or as_usual: like other days"
    )
    caps: Caps = Field(description="how often")
    source: str = Field(min_length=10, description="where the rule comes from")


class Countries(Strict):
    """Every country with a rule; there are no calls to any other."""

    countries: dict[Annotated[str, AfterValidator(_key)], CountryLaw] = Field(
        min_length=1, description="the rules, by ISO 3166 code"
    )


def load_countries(path: Path | None = None, *, practice: bool = False) -> Countries:
    """Read a file of country rules (default: the shipped one of the profile).

    Raises ConfigError with one sentence for each problem, also for a rule for every country
    (``"*"``) outside the practice profile.
    """
    shipped = "practice-countries.yaml" if practice else "countries.yaml"
    path = path or Path(__file__).with_name(shipped)
    document = read_document(path)
    try:
        countries = Countries(**document.data)
    except ValidationError as error:
        raise ConfigError(describe(error, Countries, path.name, lines=document.lines)) from None
    if ANY_COUNTRY in countries.countries and not practice:
        remedy = "name each country you call, or set profile to practice"
        raise ConfigError(
            [f"{path.name}: countries.*: allowed in the practice profile only; {remedy}"]
        )
    return countries
