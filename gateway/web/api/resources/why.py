"""Why nothing is dialing."""

from __future__ import annotations

from typing import Final

from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.models.operating import Reason, Reasons, WhyQuery
from gateway.web.api.operation import Answer, Operation
from gateway.web.api.problem_types import MISSING

__all__ = ["OPERATIONS", "REASONS"]

REASONS: Final = {
    "data": [
        {
            "code": "hold",
            "text": "everything is held by anna since 2026-01-31 15:00 UTC: evacuation",
            "remedy": "kairos resume, or POST /v1/resume",
        }
    ]
}


async def _why(call: Call) -> Answer:
    query = call.query(WhyQuery)
    if query.queue is not None and query.queue not in call.office.rules.queues:
        known = ", ".join(sorted(call.office.rules.queues))
        raise call.refuse("queue", "there is no such queue", f"known are: {known}")
    found = await call.office.why.why(queue=query.queue, callback_id=query.callback_id)
    return Answer(Reasons(data=[Reason.of(one) for one in found]))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/why",
        operation_id="why",
        tag="Status",
        summary="Why is nothing dialing?",
        description="Every reason that stands against a call now: holds, carriers, hours, caps, "
        "what is due later. With `queue` or `callback_id`: of that one alone.",
        scope=Scope.READ,
        query=WhyQuery,
        answers={200: Reasons},
        problems=(MISSING,),
        examples={200: REASONS},
        handler=_why,
    ),
)
