"""People who can be called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gateway.domain import model
from gateway.domain.errors import BadInput, Conflict, NotFound
from gateway.domain.records import Scope
from gateway.domain.windows import parse_zone
from gateway.ports import NumberFacts
from gateway.web.api.call import Call
from gateway.web.api.cursors import cut, read_cursor
from gateway.web.api.facts import looked_for, read_number
from gateway.web.api.models.contacts import (
    Contact,
    ContactPatch,
    ContactQuery,
    Interaction,
    InteractionList,
    InteractionQuery,
    NewContact,
)
from gateway.web.api.models.shown import sees_names, show_for
from gateway.web.api.models.tags import version_of
from gateway.web.api.operation import Answer, Operation
from gateway.web.api.schema import Page

__all__ = ["OPERATIONS"]

_TAG: Final = "Contacts"
_EXAMPLE: Final = {
    "id": "ct01jd9w7k2v5c8m4n6p0q1r3s5t",
    "numbers": [{"number": "+358401234567", "invalid_since": None}],
    "name": "Kaisa Virtanen",
    "zone": "Europe/Helsinki",
    "country": "FI",
    "subdivision": None,
    "language": "fi",
    "industry": None,
    "segment": None,
}


async def _create(call: Call) -> Answer:
    wanted = call.body(NewContact)
    numbers = _numbers(call, wanted.numbers, wanted.country)
    zones = numbers[0].zones
    fresh = model.Contact(
        id=call.office.ids.contact_id(),
        numbers=tuple(model.Number(e164=one) for one in dict.fromkeys(one.e164 for one in numbers)),
        name=wanted.name,
        zone=_zone(wanted.zone) or (zones[0] if len(zones) == 1 else None),
        country=(wanted.country or numbers[0].country or "").upper() or None,
        subdivision=wanted.subdivision,
        language=wanted.language,
        industry=wanted.industry,
        segment=wanted.segment,
    )
    _check_subdivision(call, fresh)
    kept = await call.office.store.add_contact(fresh)
    status = 201 if kept.id == fresh.id else 200
    answer = _answer(call, kept)
    return replace(answer, status=status, location=f"/v1/contacts/{kept.id}")


async def _list(call: Call) -> Answer:
    query = call.query(ContactQuery)
    number = query.number and looked_for(call.office, query.number)
    found = await call.office.store.contacts(
        number=number, after=read_cursor(query.cursor), limit=query.limit + 1
    )
    page, following = cut(found, query.limit, lambda one: one.id)
    return Answer(Page[Contact](data=[_shown(call, one) for one in page], next=following))


async def _read(call: Call) -> Answer:
    return _answer(call, await _contact(call))


async def _change(call: Call) -> Answer:
    patch, version = call.body(ContactPatch), call.version()

    def decide(contact: model.Contact) -> model.Contact:
        if version is not None and version_of(_shown(call, contact)) != version:
            raise Conflict("the contact was changed since you read it")
        return _patched(call, contact, patch)

    return _answer(call, await call.office.store.amend_contact(call.path["contact_id"], decide))


async def _interactions(call: Call) -> Answer:
    contact = await _contact(call)
    limit = call.query(InteractionQuery).limit
    found = await call.office.store.interactions(contact_id=contact.id, limit=limit)
    show, named = show_for(call.identity), sees_names(call.identity)
    return Answer(InteractionList(data=[Interaction.of(one, show, named=named) for one in found]))


async def _contact(call: Call) -> model.Contact:
    contact: model.Contact | None = await call.office.store.contact(call.path["contact_id"])
    if contact is None:
        raise NotFound("there is no such contact")
    return contact


def _shown(call: Call, contact: model.Contact) -> Contact:
    return Contact.of(contact, show_for(call.identity), named=sees_names(call.identity))


def _answer(call: Call, contact: model.Contact) -> Answer:
    shown = _shown(call, contact)
    return Answer(shown, version=version_of(shown))


def _patched(call: Call, contact: model.Contact, patch: ContactPatch) -> model.Contact:
    given = patch.model_dump(exclude_unset=True, exclude={"numbers"})
    if "zone" in given:
        _zone(patch.zone)
    if "country" in given:
        given["country"] = patch.country.upper()
    if "numbers" in patch.model_fields_set:
        known = {one.e164: one for one in contact.numbers}
        country = given.get("country", contact.country)
        read = [one.e164 for one in _numbers(call, patch.numbers, country)]
        given["numbers"] = tuple(
            known.get(one, model.Number(e164=one)) for one in dict.fromkeys(read)
        )
    changed = replace(contact, **given)
    if given.keys() & {"subdivision", "country"}:
        _check_subdivision(call, changed)
    return changed


def _zone(name: str | None) -> str | None:
    if name is not None and parse_zone(name) is None:
        remedy = "use an IANA name such as Europe/Helsinki"
        raise BadInput("zone", "no such time zone", value=name, remedy=remedy)
    return name


def _numbers(call: Call, texts: Sequence[str], country: str | None) -> list[NumberFacts]:
    return [
        read_number(call.office, text, country, name=f"numbers.{place}")
        for place, text in enumerate(texts)
    ]


def _check_subdivision(call: Call, contact: model.Contact) -> None:
    if contact.subdivision:
        call.services.check_subdivision(contact.country or "", contact.subdivision)


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/contacts",
        operation_id="createContact",
        tag=_TAG,
        summary="Keep a contact",
        description="A contact with the same first number is the same contact: it is changed, "
        "and the answer is 200 with its id.",
        scope=Scope.WRITE,
        body=NewContact,
        idempotent=True,
        etag=True,
        answers={201: Contact, 200: Contact},
        examples={
            "body": {"numbers": ["+358 40 123 4567"], "name": "Kaisa Virtanen", "language": "fi"},
            201: _EXAMPLE,
        },
        handler=_create,
    ),
    Operation(
        method="GET",
        path="/v1/contacts",
        operation_id="listContacts",
        tag=_TAG,
        summary="List contacts, newest first",
        scope=Scope.READ,
        query=ContactQuery,
        answers={200: Page[Contact]},
        examples={200: {"data": [_EXAMPLE], "next": None}},
        handler=_list,
    ),
    Operation(
        method="GET",
        path="/v1/contacts/{contact_id}",
        operation_id="readContact",
        tag=_TAG,
        summary="Read a contact",
        scope=Scope.READ,
        etag=True,
        answers={200: Contact},
        examples={200: _EXAMPLE},
        handler=_read,
    ),
    Operation(
        method="PATCH",
        path="/v1/contacts/{contact_id}",
        operation_id="changeContact",
        tag=_TAG,
        summary="Change a contact",
        description="What is left out stays as it is; `numbers` replaces them all.",
        scope=Scope.WRITE,
        body=ContactPatch,
        conditional=True,
        etag=True,
        answers={200: Contact},
        examples={"body": {"zone": "Europe/Helsinki"}, 200: _EXAMPLE},
        handler=_change,
    ),
    Operation(
        method="GET",
        path="/v1/contacts/{contact_id}/interactions",
        operation_id="listInteractions",
        tag=_TAG,
        summary="What was heard of a contact, newest first",
        scope=Scope.READ,
        query=InteractionQuery,
        answers={200: InteractionList},
        handler=_interactions,
    ),
)
