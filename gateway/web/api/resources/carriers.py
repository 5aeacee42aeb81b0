"""Carriers: the ways out, and how they stand."""

from __future__ import annotations

from typing import Final

from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.models.operating import Carrier, CarrierList
from gateway.web.api.operation import Answer, Operation

__all__ = ["OPERATIONS"]


async def _list(call: Call) -> Answer:
    shown = [
        Carrier(
            name=one.status.name,
            up=one.status.up,
            reason=one.status.reason,
            in_use=one.in_use,
            concurrent_calls=one.limits.concurrent_calls,
            calls_per_second=one.limits.calls_per_second,
        )
        for one in sorted(call.services.carriers(), key=lambda one: one.status.name)
    ]
    return Answer(CarrierList(data=shown))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/carriers",
        operation_id="listCarriers",
        tag="Carriers",
        summary="List the carriers, and how they stand",
        scope=Scope.READ,
        answers={200: CarrierList},
        examples={
            200: {
                "data": [
                    {
                        "name": "pbx",
                        "up": True,
                        "reason": "connected",
                        "in_use": 3,
                        "concurrent_calls": 10,
                        "calls_per_second": 1.0,
                    }
                ]
            }
        },
        handler=_list,
    ),
)
