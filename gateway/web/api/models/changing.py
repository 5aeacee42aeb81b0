"""What can be done to a callback, as the API takes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from gateway.web.api.models.values import Moment, Text
from gateway.web.api.models.windows import MOST_WINDOWS, WindowRequest
from gateway.web.api.schema import In

__all__ = ["CallNow", "CallbackPatch", "Cancellation", "Reschedule", "at_least_one"]

_MOST_WORTH: Final = 1e12


def at_least_one(model: In) -> None:
    """Refuse a change that changes nothing; for the end of a validator."""
    if not model.model_fields_set:
        raise PydanticCustomError("nothing", "give at least one field to change")


class CallbackPatch(In):
    """What to change; what is left out stays as it is. The time of the next call is chosen anew."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    # A factory, not a default: a field that is left out has no value at all in the document.
    reason: Text = Field(default_factory=str, description="What it is about.")
    deadline: Moment = Field(
        default_factory=timedelta,
        description="No call is begun after this: an instant, or from now on.",
    )
    preferred: list[WindowRequest] = Field(
        default_factory=list,
        max_length=MOST_WINDOWS,
        description="Times that suit the contact; an empty list: any.",
    )
    worth: float = Field(default_factory=float, ge=0, le=_MOST_WORTH)
    queue: Text = Field(default_factory=str, min_length=1, description="Who is to call.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        at_least_one(self)
        return self


class Cancellation(In):
    """Why a callback is called off."""

    reason: Text = Field("", description="Kept in the callback's journal; name nobody in it.")


class Reschedule(In):
    """A time somebody chose."""

    at: Moment = Field(description="When to call: an instant, or a duration from now on.")
    deadline: Moment | None = Field(
        None, description="A new deadline, where the time chosen lies after the present one."
    )
    ignore_preferred: bool = Field(
        default=False,
        description="Also outside the times the contact preferred. The law is never set aside.",
    )


class CallNow(In):
    """How a callback is called at once."""

    ignore_preferred: bool = Field(
        default=False,
        description="Also outside the times the contact preferred. The law is never set aside.",
    )
