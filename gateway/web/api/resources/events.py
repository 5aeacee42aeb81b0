"""What happened elsewhere: calls that came in, people who were reached, visits, mails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from gateway.app.interactions import InteractionRequest, Taken
from gateway.domain.errors import BadInput
from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.models.events import (
    Event,
    EventBatch,
    EventBatchAnswer,
    EventResult,
    EventTaken,
)
from gateway.web.api.operation import BATCH_BYTES, Answer, Operation
from gateway.web.api.resources.items import item_problem

__all__ = ["OPERATIONS"]

_TAG: Final = "Events"
_EVENT: Final = {
    "id": "call-20260131-0042",
    "source": "pbx-helsinki",
    "kind": "inbound_call",
    "at": "2026-01-31T16:02:11+02:00",
    "number": "+358 40 123 4567",
    "answered": True,
}
_TAKEN: Final = {"duplicate": False, "completed": ["cb01jd9w7k2v5c8m4n6p0q1r3s5t"]}


async def _take(call: Call) -> Answer:
    [answer] = await _told(call, [call.body(Event)])
    if isinstance(answer, BadInput):
        raise answer
    return Answer(_shown(answer))


async def _take_many(call: Call) -> Answer:
    items = call.body(EventBatch).checked()
    answers = iter(await _told(call, [one for one in items if isinstance(one, Event)]))
    outcomes = [one if isinstance(one, ValidationError) else next(answers) for one in items]
    return Answer(
        EventBatchAnswer(results=[_result(one, place) for place, one in enumerate(outcomes)])
    )


async def _told(call: Call, events: Sequence[Event]) -> Sequence[Taken | BadInput]:
    if not events:
        return ()
    requests = [
        InteractionRequest(
            id=one.id,
            source=one.source,
            kind=one.kind,
            at=one.at,
            number=one.number,
            contact_id=one.contact_id,
            answered=one.answered,
            data=dict(one.data),
        )
        for one in events
    ]
    answers: Sequence[Taken | BadInput] = await call.office.interactions.take(requests)
    return answers


def _shown(taken: Taken) -> EventTaken:
    return EventTaken(duplicate=taken.duplicate, completed=list(taken.completed))


def _result(outcome: Taken | ValidationError | BadInput, place: int) -> EventResult:
    if isinstance(outcome, ValidationError | BadInput):
        return EventResult(taken=None, problem=item_problem(outcome, Event, place))
    return EventResult(taken=_shown(outcome), problem=None)


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/events",
        operation_id="reportEvent",
        tag=_TAG,
        summary="Tell what happened elsewhere",
        description="Somebody who called in and was answered, or was reached elsewhere, need not "
        "be called back: their open callbacks are completed. The same event may be told twice.",
        scope=Scope.WRITE,
        body=Event,
        answers={200: EventTaken},
        examples={"body": _EVENT, 200: _TAKEN},
        handler=_take,
    ),
    Operation(
        method="POST",
        path="/v1/events/batch",
        operation_id="reportEvents",
        tag=_TAG,
        summary="Tell up to 500 things that happened elsewhere",
        description="Each is answered in its place. One bad item never fails the others.",
        scope=Scope.WRITE,
        body=EventBatch,
        body_bytes=BATCH_BYTES,
        answers={200: EventBatchAnswer},
        examples={
            "body": {"items": [_EVENT]},
            200: {"results": [{"taken": _TAKEN, "problem": None}]},
        },
        handler=_take_many,
    ),
)
