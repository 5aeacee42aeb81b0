"""Queues, carriers, holds, counts and reasons as the API gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Protocol, Self

from pydantic import Field

from gateway.domain import records
from gateway.web.api.models.values import Id, Text
from gateway.web.api.schema import In, Out

__all__ = [
    "Carrier",
    "CarrierList",
    "Hold",
    "HoldList",
    "HoldReason",
    "Queue",
    "QueueDetail",
    "QueueList",
    "Reason",
    "Reasons",
    "Resume",
    "Resumed",
    "Told",
    "WhyQuery",
]

Target = Annotated[str, Field(max_length=120, pattern=r"^(all|queue:[^\x00-\x1f\x7f]+)$")]


class Told(Protocol):
    """A reason as the office gives it."""

    @property
    def code(self) -> str:
        """For programs."""
        ...

    @property
    def text(self) -> str:
        """For people."""
        ...

    @property
    def remedy(self) -> str:
        """What to do about it."""
        ...


class HoldReason(In):
    """Why nothing may be sent."""

    reason: Text = Field("", examples=["the call centre is being evacuated"])


class Resume(In):
    """What may be sent again."""

    target: Target = Field("all", description="`all`, or `queue:` and the name of a queue.")


class Hold(Out):
    """Nothing of `target` is sent while this stands."""

    target: str = Field(description="`all`, or `queue:` and the name of a queue.")
    reason: str
    by: str = Field(description="Who set it.")
    since: datetime

    @classmethod
    def of(cls, hold: records.Hold) -> Self:
        """Write a hold down."""
        return cls(target=hold.target, reason=hold.reason, by=hold.by, since=hold.since)


class HoldList(Out):
    """What is held now, oldest first."""

    data: list[Hold]


class Resumed(Out):
    """What was lifted, and what still stands."""

    lifted: Hold | None = Field(description="Null: there was no such hold.")
    standing: list[Hold]


class Reason(Out):
    """One reason why nothing is dialing."""

    code: str = Field(description="Stable, for programs.", examples=["outside_hours"])
    text: str = Field(description="In plain words.")
    remedy: str = Field(description="What to do about it.")

    @classmethod
    def of(cls, reason: Told) -> Self:
        """Write a reason down."""
        return cls(code=reason.code, text=reason.text, remedy=reason.remedy)


class Reasons(Out):
    """Why nothing is dialing; empty: nothing stands against it."""

    data: list[Reason]


class WhyQuery(In):
    """About what."""

    queue: Text | None = Field(None, description="This queue alone.")
    callback_id: Id | None = Field(None, description="This callback alone.")


class Queue(Out):
    """Who is called back by whom, through what. Times in seconds."""

    name: str
    carriers: list[str] = Field(description="In order of preference.")
    mode: str = Field(description="`customer_first` or `agent_first`.")
    agents: int = Field(description="How many agents' phones it knows.")
    ring_timeout: float
    max_talk: float
    deadline_after: float = Field(description="The deadline of a request that names none.")
    hold: Hold | None = Field(description="Why nothing of it is sent, if so.")


class QueueDetail(Queue):
    """A queue, and why nothing of it is dialing."""

    why: list[Reason]


class QueueList(Out):
    """Every queue, by name."""

    data: list[Queue]


class Carrier(Out):
    """A way out, and how it stands."""

    name: str
    up: bool
    reason: str = Field(description="Why it is not up, or how it is.")
    in_use: int = Field(description="Calls it is busy with, reserved ones included.")
    concurrent_calls: int = Field(description="How many it takes at once.")
    calls_per_second: float


class CarrierList(Out):
    """Every carrier, by name."""

    data: list[Carrier]
