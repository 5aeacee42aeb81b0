"""The operations every door has: how the service stands, its figures, its document."""

from __future__ import annotations

import hashlib
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import Field

from gateway.domain.errors import StoreUnavailable
from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.conditions import etag_of, none_matches
from gateway.web.api.health import Alive, Ready
from gateway.web.api.operation import Answer, Operation
from gateway.web.api.problem_types import UNAVAILABLE
from gateway.web.api.schema import Out

__all__ = ["DOCUMENT", "OWN", "HealthOut"]

DOCUMENT: Final = web.AppKey("kairos_document", bytes)
"""The API document, ready to be sent."""
_TAG: Final = "Service"


class CarrierHealth(Out):
    """A carrier, as it stands."""

    name: str = Field(description="Its name in the configuration.")
    up: bool = Field(description="Whether it can be used now.")
    reason: str = Field(description="Why not; empty if it can.")


class HoldHealth(Out):
    """A hold that stands."""

    target: str = Field(description="`all`, or `queue:` and its name.")
    by: str = Field(description="Who set it.")
    reason: str = Field(description="Why.")


class HealthOut(Out):
    """How the service stands."""

    version: str = Field(description="Which Kairos this is.")
    carriers: list[CarrierHealth] = Field(description="The ways out.")
    database_trouble: str = Field(description="What keeps it from writing; empty for nothing.")
    open_attempts: int = Field(description="Attempts under way.")
    refused: list[str] = Field(description="Carriers that refused the login, and why.")
    holds: list[HoldHealth] = Field(description="What keeps calls from being sent.")
    callbacks: dict[str, int] | None = Field(
        description="Callbacks by state; null while the database cannot be read."
    )


async def _alive(_call: Call) -> Answer:
    return Answer(Alive(status="ok"))


async def _ready(call: Call) -> Answer:
    found = await call.services.readiness.ask(call.services.health().database_trouble)
    return Answer(found, status=200 if found.ready else 503)


async def _metrics(call: Call) -> web.StreamResponse:
    body = await call.services.metrics.render()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _health(call: Call) -> Answer:
    health = call.services.health()
    trouble, callbacks = health.database_trouble, None
    try:
        callbacks = await call.office.store.counts()
    except StoreUnavailable as error:  # how it stands is wanted most when something is wrong
        trouble = trouble or str(error)
    return Answer(
        HealthOut(
            version=call.services.version,
            carriers=[
                CarrierHealth(name=one.name, up=one.up, reason=one.reason)
                for one in health.carriers
            ],
            database_trouble=trouble,
            open_attempts=health.open_attempts,
            refused=list(health.refused),
            holds=[
                HoldHealth(target=one.target, by=one.by, reason=one.reason) for one in health.holds
            ],
            callbacks=callbacks,
        )
    )


async def _document(call: Call) -> web.StreamResponse:
    body = call.request.app[DOCUMENT]
    tag = etag_of(hashlib.sha256(body).hexdigest()[:16])
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if not none_matches(call.request.headers.getall("If-None-Match", []), tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)


async def _front(_call: Call) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/docs"})


OWN: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/v1/health",
        operation_id="readHealth",
        tag=_TAG,
        summary="How the service stands",
        scope=Scope.READ,
        answers={200: HealthOut},
        handler=_health,
    ),
    Operation(
        method="GET",
        path="/healthz",
        operation_id="isAlive",
        tag=_TAG,
        summary="Whether the process lives",
        description="For a supervisor that restarts what is dead. Looks at nothing else.",
        scope=None,
        answers={200: Alive},
        examples={200: {"status": "ok"}},
        handler=_alive,
    ),
    Operation(
        method="GET",
        path="/readyz",
        operation_id="isReady",
        tag=_TAG,
        summary="Whether requests can be taken in",
        description="For a load balancer. A carrier that is down does not count: requests are "
        "taken in and wait.",
        scope=None,
        answers={200: Ready, 503: Ready},
        examples={
            200: {"ready": True, "reasons": []},
            503: {
                "ready": False,
                "reasons": [{"code": "database", "text": "the database does not answer"}],
            },
        },
        handler=_ready,
    ),
    Operation(
        method="GET",
        path="/metrics",
        operation_id="readMetrics",
        tag=_TAG,
        summary="Figures for Prometheus",
        description="In the text format. Give Prometheus a key with the scope `read` "
        "(`authorization: {credentials_file: ...}`).",
        scope=Scope.READ,
        answers={200: None},
        media="text/plain",
        handler=_metrics,
    ),
    Operation(
        method="GET",
        path="/openapi.json",
        operation_id="readDocument",
        tag=_TAG,
        summary="This document",
        scope=None,
        answers={200: None},
        etag=True,
        problems=(UNAVAILABLE,),
        handler=_document,
    ),
    Operation(
        method="GET",
        path="/",
        operation_id="front",
        tag=_TAG,
        summary="To the documentation",
        scope=None,
        answers={302: None},
        hidden=True,
        handler=_front,
    ),
)
"""Operations that are there whatever else is."""
