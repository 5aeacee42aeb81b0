"""Callbacks that were taken in: looked at, and followed step by step."""

from __future__ import annotations

from typing import Final

from gateway.domain import model
from gateway.domain.errors import NotFound
from gateway.domain.records import Scope
from gateway.ports import History
from gateway.web.api.call import Call
from gateway.web.api.cursors import cut, read_cursor
from gateway.web.api.facts import looked_for
from gateway.web.api.models.attempts import AttemptList, Journal
from gateway.web.api.models.callbacks import Callback, CallbackQuery
from gateway.web.api.models.operating import Reason, Reasons
from gateway.web.api.models.shown import sees_names, show_for
from gateway.web.api.models.tags import joint_version
from gateway.web.api.operation import Answer, Operation
from gateway.web.api.resources.why import REASONS
from gateway.web.api.schema import Page

__all__ = ["CALLBACK", "OPERATIONS", "TAG", "answer_with", "way_of"]

TAG: Final = "Callbacks"
CALLBACK: Final = {
    "id": "cb01jd9w7k2v5c8m4n6p0q1r3s5t",
    "state": "SCHEDULED",
    "state_reason": "waits for Monday, 09:30",
    "queue": "support",
    "contact": {
        "id": "ct01jd9w7k2v5c8m4n6p0q1r3s5t",
        "name": "Kaisa Virtanen",
        "numbers": ["+358401234567"],
    },
    "requested_at": "2026-01-31T15:00:00Z",
    "deadline": "2026-02-02T15:00:00Z",
    "due_at": "2026-02-02T07:30:00Z",
    "plan": {
        "due_at": "2026-02-02T07:30:00Z",
        "number": "+358401234567",
        "decider": "rule:standard@1",
        "reasons": ["the first time that suits the contact"],
        "made_at": "2026-01-31T15:00:00Z",
        "probability": None,
        "value": None,
    },
    "reason": "Question on an invoice",
    "preferred": [{"weekdays": ["monday"], "start": "09:30", "end": "17:30"}],
    "worth": 1.0,
    "source": "api",
    "legal_basis": "",
    "cohort": "control",
    "attempts": 0,
    "used": 0,
    "cancel_requested": False,
    "outcome": None,
    "closed_at": None,
    "version": 1,
}


async def _list(call: Call) -> Answer:
    query = call.query(CallbackQuery)
    found = await call.office.store.callbacks(
        states=query.states,
        queue=query.queue,
        contact_id=query.contact_id,
        number=query.number and looked_for(call.office, query.number),
        since=query.since,
        until=query.until,
        after=read_cursor(query.cursor),
        limit=query.limit + 1,
    )
    page, following = cut(found, query.limit, lambda one: one[0].id)
    data = [_shown(call, callback, contact) for callback, contact in page]
    return Answer(Page[Callback](data=data, next=following))


async def _read(call: Call) -> Answer:
    way = await way_of(call)
    return answer_with(call, way.callback, way.contact)


async def _attempts(call: Call) -> Answer:
    return Answer(AttemptList.of(await way_of(call), show_for(call.identity)))


async def _journal(call: Call) -> Answer:
    return Answer(Journal.of(await way_of(call)))


async def _why(call: Call) -> Answer:
    way = await way_of(call)
    found = await call.office.why.why(callback_id=way.callback.id)
    return Answer(Reasons(data=[Reason.of(one) for one in found]))


async def way_of(call: Call) -> History:
    """Return the whole way of the callback in the path. Raises NotFound."""
    name = call.path["callback_id"]
    way: History | None = await call.office.store.history(name)
    if way is None or way.callback.id != name:  # the beginning of an id is not enough here
        raise NotFound("there is no such callback")
    return way


def answer_with(call: Call, callback: model.Callback, contact: model.Contact) -> Answer:
    """Answer a callback with its ETag: what it says of the contact counts, too."""
    shown = _shown(call, callback, contact)
    return Answer(shown, version=joint_version(callback.version, shown.contact))


def _shown(call: Call, callback: model.Callback, contact: model.Contact) -> Callback:
    return Callback.of(callback, contact, show_for(call.identity), named=sees_names(call.identity))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/callbacks",
        operation_id="listCallbacks",
        tag=TAG,
        summary="List callbacks, newest first",
        description="Filters narrow together. A page goes on exactly where the one before ended, "
        "also when new callbacks came in meanwhile.",
        scope=Scope.READ,
        query=CallbackQuery,
        answers={200: Page[Callback]},
        examples={200: {"data": [CALLBACK], "next": None}},
        handler=_list,
    ),
    Operation(
        method="GET",
        path="/v1/callbacks/{callback_id}",
        operation_id="readCallback",
        tag=TAG,
        summary="Read a callback",
        description="The ETag is what a change needs as If-Match.",
        scope=Scope.READ,
        etag=True,
        answers={200: Callback},
        examples={200: CALLBACK},
        handler=_read,
    ),
    Operation(
        method="GET",
        path="/v1/callbacks/{callback_id}/attempts",
        operation_id="listAttempts",
        tag=TAG,
        summary="What was tried, and what the carrier said",
        scope=Scope.READ,
        answers={200: AttemptList},
        handler=_attempts,
    ),
    Operation(
        method="GET",
        path="/v1/callbacks/{callback_id}/journal",
        operation_id="readJournal",
        tag=TAG,
        summary="Every step of its way, with the reason",
        scope=Scope.READ,
        answers={200: Journal},
        handler=_journal,
    ),
    Operation(
        method="GET",
        path="/v1/callbacks/{callback_id}/why",
        operation_id="whyCallback",
        tag=TAG,
        summary="Why it is not being called now",
        scope=Scope.READ,
        answers={200: Reasons},
        examples={200: REASONS},
        handler=_why,
    ),
)
