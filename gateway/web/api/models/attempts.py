"""What was tried, what was heard, and every step of the way."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from gateway.domain import model
from gateway.domain.disposition import Disposition
from gateway.domain.machine import LegState
from gateway.ports import History
from gateway.web.api.models.shown import NUMBER, Show
from gateway.web.api.schema import Out

__all__ = ["Attempt", "AttemptList", "Evidence", "Journal", "JournalStep", "Leg"]


class Evidence(Out):
    """What the carrier said, raw, beside our reading of it."""

    source: str = Field(description="Who said it: `events`, `cel`, `response`, `gateway`...")
    cause: int | None = Field(description="Hangup cause (Q.850).", examples=[17])
    tech_cause: int | None = Field(description="SIP status.", examples=[486])
    dial_status: str = Field(description="What the dialplan said.", examples=["BUSY"])
    reason: str
    amd: str = Field(description="What answering machine detection said.")


class Leg(Out):
    """One order to a carrier. Which times are set tells how far the call came."""

    id: str = Field(description="Also the channel's unique id at the PBX.")
    n: int
    role: model.Role
    carrier: str
    target: str = Field(description=f"The number, or the agent's phone. {NUMBER}")
    state: LegState
    channel: str
    reserved_at: datetime
    sending_at: datetime | None
    ringing_at: datetime | None
    answered_at: datetime | None
    connected_at: datetime | None
    ended_at: datetime | None
    disposition: Disposition | None
    evidence: Evidence

    @classmethod
    def of(cls, leg: model.Leg, show: Show) -> Self:
        """Write a leg down."""
        said = leg.evidence
        is_customer = leg.role is model.Role.CUSTOMER
        return cls(
            id=leg.id,
            n=leg.n,
            role=leg.role,
            carrier=leg.carrier,
            target=show(leg.target) if is_customer else leg.target,
            state=leg.state,
            channel=leg.channel,
            reserved_at=leg.reserved_at,
            sending_at=leg.sending_at,
            ringing_at=leg.ringing_at,
            answered_at=leg.answered_at,
            connected_at=leg.connected_at,
            ended_at=leg.ended_at,
            disposition=leg.disposition,
            evidence=Evidence(
                source=said.source,
                cause=said.cause,
                tech_cause=said.tech_cause,
                dial_status=said.dial_status,
                reason=said.reason,
                amd=said.amd,
            ),
        )


class Attempt(Out):
    """One try to reach the contact, with its legs."""

    id: str
    n: int = Field(description="The first is 1.")
    number: str = Field(description=NUMBER)
    reserved_at: datetime
    placed_at: datetime | None = Field(description="When the contact's phone was first ordered.")
    closed_at: datetime | None = Field(description="Null: it is under way.")
    disposition: Disposition | None
    talk_seconds: float
    legs: list[Leg]


class AttemptList(Out):
    """Every attempt of a callback, in order."""

    data: list[Attempt]

    @classmethod
    def of(cls, way: History, show: Show) -> Self:
        """Write the attempts of a callback down."""
        return cls(
            data=[
                Attempt(
                    id=one.id,
                    n=one.n,
                    number=show(one.number),
                    reserved_at=one.reserved_at,
                    placed_at=one.placed_at,
                    closed_at=one.closed_at,
                    disposition=one.disposition,
                    talk_seconds=one.talk_seconds,
                    legs=[Leg.of(leg, show) for leg in way.legs if leg.attempt_id == one.id],
                )
                for one in way.attempts
            ]
        )


class JournalStep(Out):
    """One line of a callback's way: what happened, when, and why."""

    at: datetime
    kind: str = Field(examples=["planned"])
    text: str = Field(description="In plain words; holds no personal data.")
    attempt_id: str | None
    leg_id: str | None
    data: dict[str, Any] = Field(description="The same in figures, where there are any.")


class Journal(Out):
    """The whole way of a callback, in order."""

    data: list[JournalStep]

    @classmethod
    def of(cls, way: History) -> Self:
        """Write the journal of a callback down."""
        return cls(
            data=[
                JournalStep(
                    at=one.at,
                    kind=one.kind,
                    text=one.text,
                    attempt_id=one.attempt_id,
                    leg_id=one.leg_id,
                    data=dict(one.data),
                )
                for one in way.steps
            ]
        )
