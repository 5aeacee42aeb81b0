"""Figures: how much there is."""

from __future__ import annotations

from typing import Final

from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.models.counts import CountsOut
from gateway.web.api.operation import Answer, Operation

__all__ = ["OPERATIONS"]


async def _counts(call: Call) -> Answer:
    return Answer(CountsOut(callbacks=await call.office.store.counts()))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/counts",
        operation_id="readCounts",
        tag="Status",
        summary="Count callbacks by state",
        scope=Scope.READ,
        answers={200: CountsOut},
        examples={200: {"callbacks": {"SCHEDULED": 120, "DIALING": 3, "DONE": 4711}}},
        handler=_counts,
    ),
)
