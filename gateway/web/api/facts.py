"""What the configuration says and the running gateway knows, for operations that tell it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.app.spec import QueueSpec
from gateway.domain.errors import BadInput
from gateway.domain.pacing import Limits
from gateway.ports import CarrierStatus, Ids, NumberFacts, NumberPlan

__all__ = ["CarrierFigures", "Facts"]

_E164: Final = re.compile(r"\+[1-9][0-9]{5,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierFigures:
    """How a carrier stands, what it takes, and how many calls it is busy with."""

    status: CarrierStatus
    limits: Limits
    in_use: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What operations need to know beside the office. ``carriers`` tells how they stand now.

    ``check_subdivision`` raises BadInput for one its country does not have.
    """

    ids: Ids
    numbers: NumberPlan
    default_country: str | None = None
    default_queue: str = ""
    queues: Mapping[str, QueueSpec] = field(default_factory=dict)
    carriers: Callable[[], Sequence[CarrierFigures]] = tuple
    check_subdivision: Callable[[str, str], None] = lambda _country, _subdivision: None

    def read(self, text: str, country: str | None = None, *, name: str = "number") -> NumberFacts:
        """Read a telephone number that is to be called. Raises BadInput, for the field ``name``."""
        try:
            return self.numbers.parse(text, country or self.default_country)
        except BadInput as error:
            raise BadInput(name, error.problem, value=error.value, remedy=error.remedy) from None

    def e164(self, text: str, *, name: str = "number") -> str:
        """Read a telephone number that is only looked for; it need not be one that may be called.

        Raises BadInput.
        """
        return text if _E164.fullmatch(text) else self.read(text, name=name).e164
