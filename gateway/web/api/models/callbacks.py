"""Callbacks as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import Field

from gateway.domain.disposition import Disposition
from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback as Kept
from gateway.domain.model import Cohort, Contact
from gateway.domain.model import Plan as KeptPlan
from gateway.web.api.models.shown import NUMBER, Show
from gateway.web.api.models.values import Id, Instant, Text
from gateway.web.api.models.windows import Window
from gateway.web.api.schema import Out, PageQuery

__all__ = ["Callback", "CallbackQuery", "Party", "Plan", "Received"]


_STATE: Final = "|".join(CallbackState)
States = Annotated[str, Field(pattern=f"^({_STATE})(,({_STATE}))*$", max_length=200)]


class Received(Out):
    """What became of a request: a new callback, or one that was there already."""

    id: str = Field(description="The callback's id.", examples=["cb01jd9w7k2v5c8m4n6p0q1r3s5t"])
    merged: bool = Field(
        description="True: nothing new was made. The same Idempotency-Key was used before, or this "
        "contact already waits for a call from this queue; `id` names that callback."
    )
    state: CallbackState
    state_reason: str = Field(description="Why it is in this state, in plain words.")
    queue: str
    due_at: datetime | None = Field(description="When the first call is planned.")
    deadline: datetime

    @classmethod
    def of(cls, callback: Kept, *, merged: bool) -> Self:
        """Write down what became of a request."""
        return cls(
            id=callback.id,
            merged=merged,
            state=callback.state,
            state_reason=callback.state_reason,
            queue=callback.queue,
            due_at=callback.due_at,
            deadline=callback.deadline,
        )


class Plan(Out):
    """When the next attempt is to be, and why then."""

    due_at: datetime
    number: str = Field(description=NUMBER, examples=["+358401234567"])
    decider: str = Field(
        description="Who chose: `rule:<set>@<version>`, `model:<version>` or `human:<who>`.",
        examples=["rule:standard@1"],
    )
    reasons: list[str] = Field(description="Why then, in plain words.")
    made_at: datetime
    probability: float | None = Field(description="That somebody answers (0 to 1), if estimated.")
    value: float | None = Field(description="What the attempt is worth, if estimated.")

    @classmethod
    def of(cls, plan: KeptPlan, show: Show) -> Self:
        """Write a plan down."""
        return cls(
            due_at=plan.due_at,
            number=show(plan.number),
            decider=plan.decider,
            reasons=list(plan.reasons),
            made_at=plan.made_at,
            probability=plan.probability,
            value=plan.value,
        )


class Party(Out):
    """Who is to be called; the whole contact is at `/v1/contacts/{id}`."""

    id: str
    name: str = Field(description="Empty for a key that may only read.")
    numbers: list[str] = Field(description=f"The preferred one first. {NUMBER}")

    @classmethod
    def of(cls, contact: Contact, show: Show, *, named: bool) -> Self:
        """Write a contact down in short."""
        return cls(
            id=contact.id,
            name=contact.name if named else "",
            numbers=[show(one.e164) for one in contact.numbers],
        )


class Callback(Out):
    """One request to call a contact."""

    id: str = Field(examples=["cb01jd9w7k2v5c8m4n6p0q1r3s5t"])
    state: CallbackState
    state_reason: str = Field(description="Why it is in this state, in plain words.")
    queue: str
    contact: Party
    requested_at: datetime
    deadline: datetime = Field(description="No call is begun after this instant.")
    due_at: datetime | None = Field(description="When the next attempt is due.")
    plan: Plan | None
    reason: str = Field(description="What the contact wants to talk about.")
    preferred: list[Window]
    worth: float
    source: str
    legal_basis: str = Field(description="Why this contact may be called, in the asker's words.")
    cohort: Cohort = Field(description="Who plans for this contact: the model, or the rules.")
    attempts: int = Field(description="How many attempts were made.")
    used: int = Field(description="How many of them are held against the contact.")
    cancel_requested: bool = Field(description="It closes when the call under way ends.")
    outcome: Disposition | None = Field(description="How the last attempt ended, once closed.")
    closed_at: datetime | None
    version: int = Field(description="Grows with every change; the ETag begins with it.")

    @classmethod
    def of(cls, callback: Kept, contact: Contact, show: Show, *, named: bool) -> Self:
        """Write a callback down."""
        plan = callback.plan
        return cls(
            id=callback.id,
            state=callback.state,
            state_reason=callback.state_reason,
            queue=callback.queue,
            contact=Party.of(contact, show, named=named),
            requested_at=callback.requested_at,
            deadline=callback.deadline,
            due_at=callback.due_at,
            plan=Plan.of(plan, show) if plan else None,
            reason=callback.reason,
            preferred=[Window.of(one) for one in callback.preferred],
            worth=callback.worth,
            source=callback.source,
            legal_basis=callback.legal_basis,
            cohort=callback.cohort,
            attempts=callback.attempts,
            used=callback.used,
            cancel_requested=callback.cancel_requested,
            outcome=callback.outcome,
            closed_at=callback.closed_at,
            version=callback.version,
        )


class CallbackQuery(PageQuery):
    """Which callbacks."""

    state: States | None = Field(
        None, description="In this state, or in one of several: `SCHEDULED,DIALING`."
    )
    queue: Text | None = Field(None, description="Of this queue.")
    contact_id: Id | None = Field(None, description="Of this contact.")
    number: str | None = Field(
        None, min_length=1, max_length=40, description="Of contacts with this telephone number."
    )
    since: Instant | None = Field(None, description="Requested at this instant or later.")
    until: Instant | None = Field(None, description="Requested before this instant.")

    @property
    def states(self) -> tuple[CallbackState, ...]:
        """Return the states asked for; none: all."""
        return tuple(CallbackState(one) for one in self.state.split(",")) if self.state else ()
