"""What happened elsewhere, as the API takes it."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Self

from pydantic import Field, ValidationError, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from gateway.domain.records import InteractionKind
from gateway.web.api.models.each import ItemProblem, each
from gateway.web.api.models.values import Id, Instant, Text, WrittenNumber
from gateway.web.api.schema import In, Out

__all__ = ["MOST_EVENTS", "Event", "EventBatch", "EventBatchAnswer", "EventResult", "EventTaken"]

MOST_EVENTS: Final = 500
_LARGEST_DATA: Final = 4096


class Event(In):
    """Something a contact did. Give `number` or `contact_id`."""

    id: Annotated[Text, Field(min_length=1, max_length=200)] = Field(
        description="Your own id of it. The same id from the same source is taken once.",
        examples=["call-20260131-0042"],
    )
    source: Annotated[Text, Field(min_length=1, max_length=100)] = Field(
        description="Which of your systems tells.", examples=["pbx-helsinki"]
    )
    kind: InteractionKind = Field(
        description="An answered `inbound_call` and `reached_elsewhere` complete the contact's "
        "open callbacks; the others are kept for what they tell about the contact."
    )
    at: Instant | None = Field(None, description="When it happened; left out: now.")
    number: WrittenNumber | None = Field(
        None, description="The contact's telephone number.", examples=["+358 40 123 4567"]
    )
    contact_id: Id | None = None
    answered: bool = Field(
        default=False, description="For an inbound call: somebody talked to the contact."
    )
    data: dict[str, Any] = Field(
        default_factory=dict,
        description=f"Anything you want kept with it, up to {_LARGEST_DATA} bytes of JSON.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.number is None) == (self.contact_id is None):
            raise PydanticCustomError("who", "give either number or contact_id")
        try:
            size = len(json.dumps(self.data, allow_nan=False)) if self.data else 0
        except ValueError:
            raise PydanticCustomError("data", "data holds a number that is none in JSON") from None
        if size > _LARGEST_DATA:
            raise PydanticCustomError(
                "data", "data holds more than {most} bytes; send less", {"most": _LARGEST_DATA}
            )
        return self


class EventBatch(In):
    """Several events at once; each is answered in its place, whatever becomes of the others."""

    items: list[Annotated[Event, WrapValidator(each)]] = Field(min_length=1, max_length=MOST_EVENTS)

    def checked(self) -> list[Event | ValidationError]:
        """Return each item, or what is wrong with it."""
        return list(self.items)


class EventTaken(Out):
    """What became of an event."""

    duplicate: bool = Field(description="It was known already; nothing was done.")
    completed: list[str] = Field(description="Ids of callbacks that are not needed any more.")


class EventResult(Out):
    """What became of one event of many: `taken`, or a `problem`."""

    taken: EventTaken | None
    problem: ItemProblem | None


class EventBatchAnswer(Out):
    """What became of each event, in the order they were sent."""

    results: list[EventResult]
