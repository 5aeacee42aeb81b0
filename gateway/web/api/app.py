"""From the table of operations to an application that serves them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.domain.errors import StoreUnavailable
from gateway.web.api.call import Call, Door
from gateway.web.api.conditions import etag_of, none_matches
from gateway.web.api.frame import expectation, frame
from gateway.web.api.gate import identify
from gateway.web.api.marks import HEADERS, OPERATION_ID
from gateway.web.api.openapi import document_of
from gateway.web.api.operation import Answer, Operation
from gateway.web.api.own import DOCUMENT, OWN
from gateway.web.api.pages import PAGES
from gateway.web.api.problem import Pointing, Refusal, refusal_of
from gateway.web.api.problem_types import MISSING
from gateway.web.api.reading import check_body, check_query, read_body
from gateway.web.api.replay import Replays, scoped_key
from gateway.web.api.routing import routed
from gateway.web.api.services import Services

__all__ = ["SERVICES", "build_app"]

SERVICES = web.AppKey("kairos_services", Services)


def build_app(
    services: Services, operations: Sequence[Operation], *, door: Door = Door.NETWORK
) -> web.Application:
    """Make an application that serves these operations at this door.

    Raises ValueError if two of them have the same id, or the same method and path.
    """
    operations = (*operations, *OWN, *PAGES)
    _check(operations)
    secure = services.settings.tls is not None and door is Door.NETWORK
    framed, prepared = frame(services.metrics.observe, secure=secure)
    app = web.Application(middlewares=[framed])
    app[SERVICES] = services
    app[DOCUMENT] = _document(services, operations)
    app.on_response_prepare.append(prepared)
    replays = Replays()
    paths = {one.path for one in operations}
    for operation in operations:
        handler = _endpoint(operation, services, door, replays)
        resource = app.router.add_resource(routed(operation.path, paths))
        resource.add_route(operation.method, handler, expect_handler=expectation)
        if operation.method == "GET":
            resource.add_route("HEAD", handler, expect_handler=expectation)
    return app


def _document(services: Services, operations: Sequence[Operation]) -> bytes:
    url = services.settings.public_url
    document = document_of(operations, version=services.version, public_url=url)
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _check(operations: Sequence[Operation]) -> None:
    seen: set[str] = set()
    for operation in operations:
        for name in (operation.operation_id, f"{operation.method} {operation.path}"):
            if name in seen:
                raise ValueError(f"two operations are {name}")
            seen.add(name)


def _endpoint(operation: Operation, services: Services, door: Door, replays: Replays) -> Handler:
    patterns = {name: re.compile(value.pattern) for name, value in operation.path_values.items()}
    pointing = Pointing(
        body=frozenset(operation.body.model_fields if operation.body else ()),
        query=frozenset(operation.query.model_fields if operation.query else ()),
    )

    async def endpoint(request: web.Request) -> web.StreamResponse:
        request[OPERATION_ID] = operation.operation_id
        identity = await identify(request, operation, services, door)
        path = dict(request.match_info)
        if any(not pattern.fullmatch(path[name]) for name, pattern in patterns.items()):
            raise Refusal(MISSING)
        call = Call(
            request=request, operation=operation, services=services, identity=identity, path=path
        )
        await _read(call)
        try:
            async with asyncio.timeout(operation.time_limit):
                return await replays.run(call, lambda: _carried_out(call))
        except Exception as error:
            conditional = "If-Match" in request.headers
            refusal = refusal_of(error, pointing=pointing, conditional=conditional)
            if refusal is not None and isinstance(error, StoreUnavailable) and door is Door.SOCKET:
                refusal.detail = str(error)  # whoever owns the data may know how they are
            if refusal is None:
                raise
            raise refusal from error

    return endpoint


async def _read(call: Call) -> None:
    """Check everything that was sent, before anything is done."""
    operation, request = call.operation, call.request
    call.checked_query = check_query(request.query, operation.query)
    if operation.conditional:
        call.version()
    if operation.idempotent:
        identity = call.identity
        who = identity.key_id or f"{identity.door.value}:{identity.name}"
        call.idempotency_key = scoped_key(request, who)
    call.raw_body = await read_body(request, operation, call.services.settings.body_timeout)
    if operation.body is not None:
        call.checked_body = check_body(
            call.raw_body, operation.body, optional=operation.optional_body
        )


async def _carried_out(call: Call) -> web.StreamResponse:
    answer = await call.operation.handler(call)
    if isinstance(answer, web.StreamResponse):
        return answer
    return _response(call, answer)


def _response(call: Call, answer: Answer) -> web.Response:
    headers = dict(answer.headers)
    if answer.location:
        headers["Location"] = answer.location
    if answer.version is not None:
        headers["ETag"] = etag_of(answer.version)
        wanted = call.request.headers.getall("If-None-Match", [])
        if call.operation.method == "GET" and not none_matches(wanted, headers["ETag"]):
            return web.Response(status=304, headers=headers)
    cursor = getattr(answer.body, "next", None)
    if isinstance(cursor, str):
        url = call.request.rel_url.update_query(cursor=cursor)
        headers["Link"] = f'<{url}>; rel="next"'
    call.request[HEADERS].setdefault("Vary", "Authorization")
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    return web.Response(
        status=answer.status,
        text=answer.body.model_dump_json(by_alias=True),
        content_type="application/json",
        headers=headers,
    )
