"""What the people of the practice world want: reasons, queues, wishes, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from gateway.app.intake import CallbackRequest
from gateway.cli.root import PracticePerson

__all__ = ["requests_for"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST: Final = _words(
    "Aino Ben Chloe Daniel Elin Farah George Hannah Ivo Julia Kofi Lena Mateo Nadia Oskar "
    "Priya Quentin Rosa Samuel Tuula Uma Viktor Wanda Xavier Yusuf Zoe"
)
_LAST: Final = _words(
    "Adams Bauer Clarke Dubois Evans Fischer Green Hughes Ito Jones Korhonen Lewis Martin "
    "Novak Owens Patel Quinn Rossi Smith Taylor Usman Virtanen Walker Young"
)
_REASONS: Final = (
    ("missed call in the queue", 0.34, (20, 80)),
    ("asked on the website to be called back", 0.22, (60, 300)),
    ("question about an invoice", 0.14, (20, 120)),
    ("delivery date of an order", 0.12, (50, 250)),
    ("technical fault, ticket open", 0.10, (80, 400)),
    ("offer to be discussed", 0.08, (400, 5000)),
)
_SALES: Final = "offer to be discussed"
_SALES_SHARE: Final = 0.6
_OLD_NUMBER: Final = 0.05
_SEGMENTS: Final = ("private", "private", "business", "business", "key account")


def requests_for(people: Sequence[PracticePerson], seed: int) -> list[CallbackRequest]:
    """Return one request for each person. The same seed asks for the same; known keys merge."""
    draw = random.Random(seed)  # noqa: S311 -- invented people, no secret
    return [_request(one, place, seed, draw) for place, one in enumerate(people)]


def _request(person: PracticePerson, place: int, seed: int, draw: random.Random) -> CallbackRequest:
    weights = [share for _, share, _ in _REASONS]
    reason, _, (low, high) = draw.choices(_REASONS, weights)[0]
    sales = reason == _SALES and draw.random() < _SALES_SHARE
    # Some have moved: their first number is not theirs any more, nobody has it.
    old = (f"+33199009{place % 1000:03d}",) if draw.random() < _OLD_NUMBER else ()
    return CallbackRequest(
        numbers=(*old, person.number),
        name=f"{draw.choice(_FIRST)} {draw.choice(_LAST)}",
        queue="sales" if sales else "support",
        reason=reason,
        zone=person.zone,
        segment=draw.choice(_SEGMENTS),
        worth=round(draw.uniform(low, high), 2),
        source="practice",
        idempotency_key=f"practice:{seed}:{place}",
    )
