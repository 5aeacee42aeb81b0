"""A request to be called back, as the API takes it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    ValidationError,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from gateway.app.intake import CallbackRequest
from gateway.web.api.models.each import ItemProblem, each
from gateway.web.api.models.values import (
    Country,
    Id,
    Instant,
    Language,
    Moment,
    Text,
    WrittenNumber,
    Zone,
    moment,
)
from gateway.web.api.models.windows import MOST_WINDOWS, WindowRequest
from gateway.web.api.schema import In, Out

__all__ = [
    "MOST_ITEMS",
    "MOST_NUMBERS",
    "BatchAnswer",
    "BatchResult",
    "CallbackBatch",
    "CallbackItem",
    "NewCallback",
]

MOST_NUMBERS = 10
MOST_ITEMS = 500
_WHO = ("number", "numbers", "contact_id")
_MOST_WORTH = 1e12


class NewCallback(In):
    """A request to call somebody. Give one of `number`, `numbers` and `contact_id`."""

    number: WrittenNumber | None = Field(
        None,
        description="The telephone number, as people write it; national ones are read as of "
        "`country` or else of the configured country.",
        examples=["+358 40 123 4567"],
    )
    numbers: list[WrittenNumber] | None = Field(
        None, min_length=1, max_length=MOST_NUMBERS, description="Several, the preferred one first."
    )
    contact_id: Id | None = Field(
        None,
        description="A contact that is known already; what describes it is then left out here.",
    )
    name: Text = Field("", description="The person's name.", examples=["Kaisa Virtanen"])
    queue: Text = Field(
        "", description="Who is to call; left out: the default queue.", examples=["support"]
    )
    reason: Text = Field("", description="What it is about.", examples=["Question on an invoice"])
    deadline: Moment | None = Field(
        None,
        description="No call is begun after this: an instant, or a duration from now on. Left out: "
        "what the queue is set to.",
    )
    preferred: list[WindowRequest] = Field(
        default_factory=list,
        max_length=MOST_WINDOWS,
        description="Times that suit the contact, by the contact's own clock.",
    )
    zone: Zone | None = Field(
        None,
        description="The contact's time zone (IANA). Needed where the number does not tell.",
        examples=["Europe/Helsinki"],
    )
    country: Country | None = Field(
        None, description="The contact's country (ISO 3166).", examples=["FI"]
    )
    subdivision: Text | None = Field(
        None, description="State or province, for public holidays (ISO 3166-2)."
    )
    language: Language | None = Field(None, description="BCP 47.", examples=["fi"])
    industry: Text | None = None
    segment: Text | None = None
    worth: float = Field(
        1.0, ge=0, le=_MOST_WORTH, description="What reaching this contact is worth to you."
    )
    legal_basis: Text = Field(
        "", description="Why this contact may be called, in your words: a contract, a consent."
    )
    source: Text = Field("api", description="Where the request came from.", examples=["web form"])
    requested_at: Instant | None = Field(None, description="When it was asked for; default: now.")

    @model_validator(mode="after")
    def _one_who(self) -> Self:
        given = [name for name in _WHO if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError("who", "give exactly one of number, numbers and contact_id")
        return self

    def request(self, *, now: datetime, key: str | None = None) -> CallbackRequest:
        """Return what the intake takes."""
        return CallbackRequest(
            numbers=tuple(self.numbers or ([self.number] if self.number is not None else [])),
            contact_id=self.contact_id,
            name=self.name,
            queue=self.queue,
            reason=self.reason,
            requested_at=self.requested_at,
            deadline=moment(self.deadline, now),
            zone=self.zone,
            country=self.country,
            subdivision=self.subdivision,
            language=self.language,
            industry=self.industry,
            segment=self.segment,
            preferred=tuple(one.window() for one in self.preferred),
            worth=self.worth,
            source=self.source,
            legal_basis=self.legal_basis,
            idempotency_key=key,
        )


class CallbackItem(NewCallback):
    """One request of a batch."""

    idempotency_key: Annotated[Text, Field(min_length=1, max_length=255)] | None = Field(
        None, description="What the header Idempotency-Key is for a single request."
    )


class CallbackBatch(In):
    """Several requests at once; each is answered in its place, whatever becomes of the others."""

    items: list[Annotated[CallbackItem, WrapValidator(each)]] = Field(
        min_length=1, max_length=MOST_ITEMS
    )

    def checked(self) -> list[CallbackItem | ValidationError]:
        """Return each item, or what is wrong with it."""
        return list(self.items)


class BatchResult(Out):
    """What became of one request: `id` and `merged`, or a `problem`."""

    status: Literal["created", "merged", "refused"]
    id: str | None = Field(description="The callback's id; null if it was refused.")
    problem: ItemProblem | None = None


class BatchAnswer(Out):
    """What became of each request, in the order they were sent."""

    created: int
    merged: int
    refused: int
    results: list[BatchResult]
