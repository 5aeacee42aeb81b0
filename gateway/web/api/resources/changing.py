"""What people do to callbacks that were taken in: change, cancel, another time, at once."""

from __future__ import annotations

from typing import Any, Final

from gateway.app.amendments import Patch
from gateway.domain import model
from gateway.domain.errors import BadInput, NotFound, NotNow
from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.models.callbacks import Callback
from gateway.web.api.models.changing import (
    CallbackPatch,
    CallNow,
    Cancellation,
    Reschedule,
)
from gateway.web.api.models.tags import version_in
from gateway.web.api.models.values import moment
from gateway.web.api.operation import Answer, Operation
from gateway.web.api.problem_types import NOT_NOW
from gateway.web.api.resources.callbacks import CALLBACK, TAG, answer_with

__all__ = ["OPERATIONS"]


async def _change(call: Call) -> Answer:
    patch, version = call.body(CallbackPatch), call.version()
    given: dict[str, Any] = {name: getattr(patch, name) for name in patch.model_fields_set}
    if "deadline" in given:
        given["deadline"] = moment(patch.deadline, call.services.clock.now())
    if "preferred" in given:
        given["preferred"] = tuple(one.window() for one in patch.preferred)
    changed = await call.office.amendments.change(
        call.path["callback_id"],
        Patch(**given),
        by=call.by,
        version=None if version is None else version_in(version),
    )
    return await _answer(call, changed)


async def _cancel(call: Call) -> Answer:
    reason = call.body(Cancellation).reason
    name = call.path["callback_id"]
    return await _answer(call, await call.office.amendments.cancel(name, by=call.by, reason=reason))


async def _reschedule(call: Call) -> Answer:
    wanted, now = call.body(Reschedule), call.services.clock.now()
    changed = await call.office.amendments.reschedule(
        call.path["callback_id"],
        moment(wanted.at, now),
        by=call.by,
        deadline=moment(wanted.deadline, now),
        ignore_preferred=wanted.ignore_preferred,
    )
    return await _answer(call, changed)


async def _call_now(call: Call) -> Answer:
    wanted = call.body(CallNow)
    try:
        changed = await call.office.amendments.call_now(
            call.path["callback_id"], by=call.by, ignore_preferred=wanted.ignore_preferred
        )
    except BadInput as error:  # nothing in the request is wrong: it is the hour
        raise NotNow(error.problem, remedy=error.remedy) from None
    return await _answer(call, changed)


async def _answer(call: Call, callback: model.Callback) -> Answer:
    contact = await call.office.store.contact(callback.contact_id)
    if contact is None:
        raise NotFound("the contact of this callback is gone")
    return answer_with(call, callback, contact)


OPERATIONS: Final = (
    Operation(
        method="PATCH",
        path="/v1/callbacks/{callback_id}",
        operation_id="changeCallback",
        tag=TAG,
        summary="Change what was asked for",
        description="What is left out stays as it is; where the change needs it, the time of the "
        "next call is chosen anew. If-Match looks at the callback itself, not at its contact.",
        scope=Scope.WRITE,
        body=CallbackPatch,
        conditional=True,
        etag=True,
        answers={200: Callback},
        problems=(NOT_NOW,),
        examples={"body": {"reason": "Question on two invoices", "deadline": "P1D"}, 200: CALLBACK},
        handler=_change,
    ),
    Operation(
        method="POST",
        path="/v1/callbacks/{callback_id}/cancel",
        operation_id="cancelCallback",
        tag=TAG,
        summary="Call it off",
        description="At once, or, while the contact is being called, when that call ends "
        "(`cancel_requested`). Canceling again changes nothing.",
        scope=Scope.WRITE,
        body=Cancellation,
        optional_body=True,
        etag=True,
        answers={200: Callback},
        problems=(NOT_NOW,),
        examples={"body": {"reason": "solved by mail"}, 200: CALLBACK},
        handler=_cancel,
    ),
    Operation(
        method="POST",
        path="/v1/callbacks/{callback_id}/reschedule",
        operation_id="rescheduleCallback",
        tag=TAG,
        summary="Call at a time somebody chose",
        description="Inside the law and the deadline; a time that is not allowed is refused with "
        "the next one that is. Caps are judged when it is due.",
        scope=Scope.WRITE,
        body=Reschedule,
        etag=True,
        answers={200: Callback},
        problems=(NOT_NOW,),
        examples={"body": {"at": "2026-02-02T10:00:00+02:00"}, 200: CALLBACK},
        handler=_reschedule,
    ),
    Operation(
        method="POST",
        path="/v1/callbacks/{callback_id}/call-now",
        operation_id="callNow",
        tag=TAG,
        summary="Call as soon as law and gaps allow",
        description="It becomes due now. 409 with the next allowed time where the hour forbids it.",
        scope=Scope.WRITE,
        body=CallNow,
        optional_body=True,
        etag=True,
        answers={200: Callback},
        problems=(NOT_NOW,),
        examples={"body": {}, 200: CALLBACK},
        handler=_call_now,
    ),
)
