"""The panic button: nothing is sent until it is let go."""

from __future__ import annotations

from typing import Final

from gateway.domain.errors import NotFound
from gateway.domain.records import HOLD_ALL, Scope
from gateway.web.api.call import Call
from gateway.web.api.models.operating import Hold, HoldList, HoldReason, Resume, Resumed
from gateway.web.api.operation import Answer, Operation
from gateway.web.api.resources.queues import QUEUE

__all__ = ["OPERATIONS"]

_TAG: Final = "Holds"
_EXAMPLE: Final = {
    "target": HOLD_ALL,
    "reason": "the call centre is being evacuated",
    "by": "crm",
    "since": "2026-01-31T15:00:00Z",
}
_REASON: Final = {"reason": "the call centre is being evacuated"}


async def _stop_all(call: Call) -> Answer:
    reason = call.body(HoldReason).reason
    return Answer(Hold.of(await call.office.holds.stop_all(by=call.by, reason=reason)))


async def _hold_queue(call: Call) -> Answer:
    name = call.path["name"]
    if name not in call.office.rules.queues:
        raise NotFound("there is no such queue")
    reason = call.body(HoldReason).reason
    hold = await call.office.holds.hold_queue(name, by=call.by, reason=reason)
    return Answer(Hold.of(hold))


async def _resume(call: Call) -> Answer:
    lifted = await call.office.holds.resume(call.body(Resume).target, by=call.by)
    standing = [Hold.of(one) for one in call.office.holds.standing()]
    return Answer(Resumed(lifted=Hold.of(lifted) if lifted else None, standing=standing))


async def _list(call: Call) -> Answer:
    return Answer(HoldList(data=[Hold.of(one) for one in call.office.holds.standing()]))


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/stop-all",
        operation_id="stopAll",
        tag=_TAG,
        summary="Send nothing any more",
        description="The panic button. From the answer on no call is begun, at no carrier, by no "
        "node, until `/v1/resume`; also not after a restart. Calls under way go on. A hold that "
        "stands already stays as it is.",
        scope=Scope.WRITE,
        body=HoldReason,
        optional_body=True,
        answers={200: Hold},
        examples={"body": _REASON, 200: _EXAMPLE},
        handler=_stop_all,
    ),
    Operation(
        method="POST",
        path="/v1/resume",
        operation_id="resume",
        tag=_TAG,
        summary="Send again",
        description="Lifts one hold. The answer says what still stands.",
        scope=Scope.WRITE,
        body=Resume,
        optional_body=True,
        answers={200: Resumed},
        examples={"body": {"target": "all"}, 200: {"lifted": _EXAMPLE, "standing": []}},
        handler=_resume,
    ),
    Operation(
        method="GET",
        path="/v1/holds",
        operation_id="listHolds",
        tag=_TAG,
        summary="What is held, oldest first",
        scope=Scope.READ,
        answers={200: HoldList},
        examples={200: {"data": [_EXAMPLE]}},
        handler=_list,
    ),
    Operation(
        method="POST",
        path="/v1/queues/{name}/hold",
        operation_id="holdQueue",
        tag=_TAG,
        summary="Send nothing of one queue",
        description="Like `/v1/stop-all`, for one queue; lifted with "
        '`POST /v1/resume {"target": "queue:<name>"}`.',
        scope=Scope.WRITE,
        paths=QUEUE,
        body=HoldReason,
        optional_body=True,
        answers={200: Hold},
        examples={"body": _REASON, 200: {**_EXAMPLE, "target": "queue:support"}},
        handler=_hold_queue,
    ),
)
