"""What operations tell about carriers, and how they read what people write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.app.office import Office
from gateway.domain.errors import BadInput
from gateway.domain.pacing import Limits
from gateway.ports import CarrierStatus, NumberFacts

__all__ = ["CarrierFigures", "looked_for", "read_number"]

_E164: Final = re.compile(r"\+[1-9][0-9]{5,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierFigures:
    """How a carrier stands, what it takes, and how many calls it is busy with."""

    status: CarrierStatus
    limits: Limits
    in_use: int


def read_number(
    office: Office, text: str, country: str | None = None, *, name: str = "number"
) -> NumberFacts:
    """Read a telephone number that is to be called. Raises BadInput for the field ``name``."""
    try:
        return office.numbers.parse(text, country or office.default_country)
    except BadInput as error:
        raise BadInput(name, error.problem, value=error.value, remedy=error.remedy) from None


def looked_for(office: Office, text: str) -> str:
    """Read a telephone number that is only looked for, so that it need not be one to be called.

    Raises BadInput.
    """
    return text if _E164.fullmatch(text) else read_number(office, text).e164
