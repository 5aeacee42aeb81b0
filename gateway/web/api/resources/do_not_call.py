"""Numbers that are never called, whoever asks."""

from __future__ import annotations

from typing import Final

from gateway.domain.errors import NotFound
from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.cursors import cut, read_cursor
from gateway.web.api.facts import looked_for
from gateway.web.api.models.do_not_call import DoNotCall, DoNotCallReason
from gateway.web.api.models.shown import show_for
from gateway.web.api.operation import Answer, Operation, PathValue
from gateway.web.api.schema import Page, PageQuery

__all__ = ["OPERATIONS"]

_TAG: Final = "Do not call"
_NUMBER: Final = {
    "number": PathValue(
        pattern=r"[+0-9 ().\-]{3,40}",
        description="A telephone number as people write it, percent-encoded where needed.",
        example="+358401234567",
    )
}
_UNKNOWN: Final = "this number is not on the do-not-call list"
_EXAMPLE: Final = {
    "number": "+358401234567",
    "reason": "asked so on the phone",
    "since": "2026-01-31T15:00:00Z",
}


async def _list(call: Call) -> Answer:
    query = call.query(PageQuery)
    found = await call.office.store.do_not_call_list(
        after=read_cursor(query.cursor), limit=query.limit + 1
    )
    page, following = cut(found, query.limit, lambda one: one.number)
    show = show_for(call.identity)
    return Answer(Page[DoNotCall](data=[DoNotCall.of(one, show) for one in page], next=following))


async def _read(call: Call) -> Answer:
    entry = await _entry(call, looked_for(call.office, call.path["number"]))
    return Answer(entry)


async def _put(call: Call) -> Answer:
    number = looked_for(call.office, call.path["number"])
    reason = call.body(DoNotCallReason).reason
    await call.office.store.do_not_call(number, reason, call.services.clock.now())
    return Answer(await _entry(call, number))


async def _delete(call: Call) -> Answer:
    number = looked_for(call.office, call.path["number"])
    if not await call.office.store.allow_calls(number):
        raise NotFound(_UNKNOWN)
    return Answer(status=204)


async def _entry(call: Call, number: str) -> DoNotCall:
    # A list goes on after a key; the greatest key below the number is itself without its last step.
    before = number[:-1] + chr(ord(number[-1]) - 1) + "~"
    for entry in await call.office.store.do_not_call_list(after=before, limit=1):
        if entry.number == number:
            return DoNotCall.of(entry, show_for(call.identity))
    raise NotFound(_UNKNOWN)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/do-not-call",
        operation_id="listDoNotCall",
        tag=_TAG,
        summary="List the numbers that are never called",
        scope=Scope.READ,
        query=PageQuery,
        answers={200: Page[DoNotCall]},
        examples={200: {"data": [_EXAMPLE], "next": None}},
        handler=_list,
    ),
    Operation(
        method="GET",
        path="/v1/do-not-call/{number}",
        operation_id="readDoNotCall",
        tag=_TAG,
        summary="Look whether a number is on the list",
        scope=Scope.READ,
        paths=_NUMBER,
        answers={200: DoNotCall},
        examples={200: _EXAMPLE},
        handler=_read,
    ),
    Operation(
        method="PUT",
        path="/v1/do-not-call/{number}",
        operation_id="putDoNotCall",
        tag=_TAG,
        summary="Never call a number",
        description="It holds at once: a call to it that is not sent yet is not sent. A number "
        "that is on the list already keeps its first reason.",
        scope=Scope.WRITE,
        paths=_NUMBER,
        body=DoNotCallReason,
        optional_body=True,
        answers={200: DoNotCall},
        examples={"body": {"reason": "asked so on the phone"}, 200: _EXAMPLE},
        handler=_put,
    ),
    Operation(
        method="DELETE",
        path="/v1/do-not-call/{number}",
        operation_id="deleteDoNotCall",
        tag=_TAG,
        summary="Take a number off the list",
        scope=Scope.WRITE,
        paths=_NUMBER,
        answers={204: None},
        handler=_delete,
    ),
)
