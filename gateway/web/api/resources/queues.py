"""Queues: who is called back by whom, and what stands against it now."""

from __future__ import annotations

from typing import Final

from gateway.app.spec import QueueSpec
from gateway.domain.errors import NotFound
from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.models.operating import Hold, Queue, QueueDetail, QueueList, Reason
from gateway.web.api.operation import Answer, Operation, PathValue

__all__ = ["OPERATIONS", "QUEUE"]

QUEUE: Final = {
    "name": PathValue(
        pattern=r"[^\x00-\x1f\x7f]{1,100}", description="A queue's name.", example="support"
    )
}
_TAG: Final = "Queues"
_EXAMPLE: Final = {
    "name": "support",
    "carriers": ["pbx"],
    "mode": "customer_first",
    "agents": 0,
    "ring_timeout": 30.0,
    "max_talk": 7200.0,
    "deadline_after": 172800.0,
    "hold": None,
}


async def _list(call: Call) -> Answer:
    queues = call.office.rules.queues
    return Answer(QueueList(data=[_shown(call, queues[name]) for name in sorted(queues)]))


async def _read(call: Call) -> Answer:
    queue = call.office.rules.queues.get(call.path["name"])
    if queue is None:
        raise NotFound("there is no such queue")
    why = await call.office.why.why(queue=queue.name)
    shown = _shown(call, queue)
    return Answer(QueueDetail(**shown.model_dump(), why=[Reason.of(one) for one in why]))


def _shown(call: Call, queue: QueueSpec) -> Queue:
    hold = call.office.holds.on(queue.name)
    return Queue(
        name=queue.name,
        carriers=list(queue.carriers),
        mode="agent_first" if queue.agents else "customer_first",
        agents=len(queue.agents),
        ring_timeout=queue.ring_timeout,
        max_talk=queue.max_talk,
        deadline_after=queue.deadline_after,
        hold=Hold.of(hold) if hold else None,
    )


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/queues",
        operation_id="listQueues",
        tag=_TAG,
        summary="List the queues, by name",
        scope=Scope.READ,
        answers={200: QueueList},
        examples={200: {"data": [_EXAMPLE]}},
        handler=_list,
    ),
    Operation(
        method="GET",
        path="/v1/queues/{name}",
        operation_id="readQueue",
        tag=_TAG,
        summary="Read a queue, and why nothing of it is dialing",
        scope=Scope.READ,
        paths=QUEUE,
        answers={200: QueueDetail},
        examples={200: {**_EXAMPLE, "why": []}},
        handler=_read,
    ),
)
