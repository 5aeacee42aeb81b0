"""Contacts, and what was heard of them, as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from gateway.domain import model, records
from gateway.domain.records import InteractionKind
from gateway.web.api.models.asking import MOST_NUMBERS
from gateway.web.api.models.changing import at_least_one
from gateway.web.api.models.shown import NUMBER, Show
from gateway.web.api.models.values import Country, Language, Text, WrittenNumber, Zone
from gateway.web.api.schema import MOST_PER_PAGE, In, Out, PageQuery

__all__ = [
    "Contact",
    "ContactNumber",
    "ContactPatch",
    "ContactQuery",
    "Interaction",
    "InteractionList",
    "InteractionQuery",
    "NewContact",
]


class NewContact(In):
    """A person who can be called."""

    numbers: list[WrittenNumber] = Field(
        min_length=1,
        max_length=MOST_NUMBERS,
        description="As people write them, the preferred one first. A contact with the same first "
        "number is the same contact, and is changed.",
        examples=[["+358 40 123 4567"]],
    )
    name: Text = Field("", examples=["Kaisa Virtanen"])
    zone: Zone | None = Field(
        None, description="Time zone (IANA). Needed where the number does not tell."
    )
    country: Country | None = Field(None, description="ISO 3166.")
    subdivision: Text | None = Field(None, description="State or province (ISO 3166-2).")
    language: Language | None = Field(None, description="BCP 47.")
    industry: Text | None = None
    segment: Text | None = None


class ContactPatch(In):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    numbers: list[WrittenNumber] = Field(
        default_factory=list,
        min_length=1,
        max_length=MOST_NUMBERS,
        description="All of them, the preferred one first.",
    )
    name: Text = Field(default_factory=str)
    zone: Zone = Field(default_factory=str)
    country: Country = Field(default_factory=str)
    subdivision: Text | None = Field(default_factory=str)
    language: Language | None = Field(default_factory=str)
    industry: Text | None = Field(default_factory=str)
    segment: Text | None = Field(default_factory=str)

    @model_validator(mode="after")
    def _something(self) -> Self:
        at_least_one(self)
        return self


class ContactNumber(Out):
    """One number of a contact."""

    number: str = Field(description=NUMBER)
    invalid_since: datetime | None = Field(description="A carrier said that it does not exist.")


class Contact(Out):
    """A person reachable at one or more numbers."""

    id: str
    numbers: list[ContactNumber] = Field(description="The preferred one first.")
    name: str = Field(description="Empty for a key that may only read.")
    zone: str | None
    country: str | None
    subdivision: str | None
    language: str | None
    industry: str | None
    segment: str | None

    @classmethod
    def of(cls, contact: model.Contact, show: Show, *, named: bool) -> Self:
        """Write a contact down."""
        return cls(
            id=contact.id,
            numbers=[
                ContactNumber(number=show(one.e164), invalid_since=one.invalid_since)
                for one in contact.numbers
            ],
            name=contact.name if named else "",
            zone=contact.zone,
            country=contact.country,
            subdivision=contact.subdivision,
            language=contact.language,
            industry=contact.industry,
            segment=contact.segment,
        )


class ContactQuery(PageQuery):
    """Which contacts."""

    number: str | None = Field(
        None, min_length=1, max_length=40, description="With this telephone number, any of theirs."
    )


class InteractionQuery(In):
    """How many."""

    limit: int = Field(50, ge=1, le=MOST_PER_PAGE, description="How many at most.")


class Interaction(Out):
    """Something a contact did, other than taking a call of ours."""

    id: str
    source: str
    kind: InteractionKind
    at: datetime
    number: str | None = Field(description=NUMBER)
    contact_id: str | None
    answered: bool
    data: dict[str, Any] = Field(description="Empty for a key that may only read.")

    @classmethod
    def of(cls, one: records.Interaction, show: Show, *, named: bool) -> Self:
        """Write an interaction down."""
        return cls(
            id=one.id,
            source=one.source,
            kind=one.kind,
            at=one.at,
            number=show(one.number) if one.number else None,
            contact_id=one.contact_id,
            answered=one.answered,
            data=dict(one.data) if named else {},
        )


class InteractionList(Out):
    """The newest interactions, newest first."""

    data: list[Interaction]
