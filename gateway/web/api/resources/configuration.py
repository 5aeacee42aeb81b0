"""Reading the configuration again without a restart."""

from __future__ import annotations

from typing import Final

from config.changes import ReloadResult
from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.models.configuration import Reloaded
from gateway.web.api.operation import Answer, Operation

__all__ = ["OPERATIONS"]

_NOT_HERE: Final = "this service cannot read its configuration again; start it again"


async def _reload(call: Call) -> Answer:
    reload = call.services.reload
    result = await reload() if reload else ReloadResult(problems=(_NOT_HERE,))
    return Answer(Reloaded.of(result))


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/reload",
        operation_id="reload",
        tag="Service",
        summary="Read the configuration again",
        description="Reads the file, the rule files and the environment of the service, checks all "
        "of it, and applies what can be applied while it runs; the answer names what was applied "
        "and what needs a restart. A configuration with a mistake changes nothing: then `problems` "
        "says what to mend.",
        scope=Scope.ADMIN,
        answers={200: Reloaded},
        examples={
            200: {
                "applied": ["queues.sales.deadline"],
                "needs_restart": ["api.port"],
                "problems": [],
                "warnings": [],
            }
        },
        handler=_reload,
    ),
)
