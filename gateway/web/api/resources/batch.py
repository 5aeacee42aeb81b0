"""Taking requests to be called back in, one or many."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from gateway.app.intake import CallbackRequest
from gateway.domain.change import Added
from gateway.domain.errors import BadInput, NotFound
from gateway.domain.model import Callback
from gateway.domain.records import Scope
from gateway.ports import History
from gateway.web.api.call import Call, Door
from gateway.web.api.models.asking import (
    BatchAnswer,
    BatchResult,
    CallbackBatch,
    CallbackItem,
    NewCallback,
)
from gateway.web.api.models.callbacks import Received
from gateway.web.api.operation import BATCH_BYTES, Answer, Operation
from gateway.web.api.resources.items import item_problem

__all__ = ["OPERATIONS"]

_TAG: Final = "Callbacks"
_REQUEST: Final = {
    "number": "+358 40 123 4567",
    "name": "Kaisa Virtanen",
    "queue": "support",
    "reason": "Question on an invoice",
    "deadline": "PT8H",
    "preferred": [{"weekdays": ["monday", "tuesday"], "start": "09:00", "end": "17:30"}],
}
_ID: Final = "cb01jd9w7k2v5c8m4n6p0q1r3s5t"

_RECEIVED: Final = {
    "id": _ID,
    "state": "SCHEDULED",
    "state_reason": "waits for Monday, 09:30",
    "queue": "support",
    "due_at": "2026-02-02T07:30:00Z",
    "deadline": "2026-02-02T15:00:00Z",
}


async def _create(call: Call) -> Answer:
    wanted, now = call.body(NewCallback), call.services.clock.now()
    intake = call.office.intake
    prepared = await intake.prepare([wanted.request(now=now, key=call.idempotency_key)])
    [asked], [added] = prepared, await intake.keep(prepared)
    if isinstance(asked, BadInput):
        raise asked
    if isinstance(added, BadInput):
        raise added
    callback = await _read(call, added) if added.merged else asked.callback
    return Answer(
        Received.of(callback, merged=added.merged),
        status=200 if added.merged else 201,
        location=f"/v1/callbacks/{callback.id}",
    )


async def _read(call: Call, added: Added) -> Callback:
    way: History | None = await call.office.store.history(added.callback_id)
    if way is None:
        raise NotFound("the callback it was merged into is gone")
    return way.callback


async def _create_many(call: Call) -> Answer:
    now = call.services.clock.now()
    asked = [
        one.request(now=now, key=_own_key(call, one.idempotency_key))
        if isinstance(one, CallbackItem)
        else one
        for one in call.body(CallbackBatch).checked()
    ]
    requests = [one for one in asked if isinstance(one, CallbackRequest)]
    answers = iter(await call.office.intake.take(requests) if requests else ())
    results = [
        _result(next(answers) if isinstance(one, CallbackRequest) else one, place)
        for place, one in enumerate(asked)
    ]
    counted = [one.status for one in results]
    return Answer(
        BatchAnswer(
            created=counted.count("created"),
            merged=counted.count("merged"),
            refused=counted.count("refused"),
            results=results,
        )
    )


def _own_key(call: Call, key: str | None) -> str | None:
    """Keep the keys of several systems apart; on this machine they are those of imported files."""
    if key is None or call.identity.door is Door.SOCKET:
        return key
    return f"{call.identity.key_id}:{key}"


def _result(outcome: Added | ValidationError | BadInput, place: int) -> BatchResult:
    if isinstance(outcome, Added):
        merged = outcome.merged
        return BatchResult(status="merged" if merged else "created", id=outcome.callback_id)
    problem = item_problem(outcome, CallbackItem, place)
    return BatchResult(status="refused", id=None, problem=problem)


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/callbacks",
        operation_id="createCallback",
        tag=_TAG,
        summary="Ask for somebody to be called back",
        description="It is on disk before the answer is sent. If this contact already waits for a "
        "call from this queue, no second one is made: the answer is then 200 with `merged: true` "
        "and the id of the one that waits. With an Idempotency-Key the same request can safely be "
        "sent again.",
        scope=Scope.WRITE,
        body=NewCallback,
        idempotent=True,
        answers={201: Received, 200: Received},
        examples={
            "body": _REQUEST,
            201: {**_RECEIVED, "merged": False},
            200: {**_RECEIVED, "merged": True},
        },
        handler=_create,
    ),
    Operation(
        method="POST",
        path="/v1/callbacks/batch",
        operation_id="createCallbacks",
        tag=_TAG,
        summary="Ask for up to 500 people to be called back",
        description="Each item is answered in its place: created, merged, or refused with what is "
        "wrong with it. One bad item never fails the others.",
        scope=Scope.WRITE,
        body=CallbackBatch,
        body_bytes=BATCH_BYTES,
        idempotent=True,
        answers={200: BatchAnswer},
        examples={
            "body": {"items": [_REQUEST]},
            200: {
                "created": 1,
                "merged": 0,
                "refused": 0,
                "results": [{"status": "created", "id": _ID, "problem": None}],
            },
        },
        handler=_create_many,
    ),
)
