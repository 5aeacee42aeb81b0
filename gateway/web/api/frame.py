"""What surrounds every request: its id, its line in the log, problems for errors, safe headers."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.web.api.marks import HEADERS, OPERATION_ID, REQUEST_ID
from gateway.web.api.problem import PROBLEM_MEDIA, Refusal, refusal_of
from gateway.web.api.problem_types import (
    BODY_TOO_LARGE,
    EXPECTATION,
    INTERNAL,
    METHOD,
    MISSING,
    REQUEST_TIMEOUT,
    SLOW,
)

__all__ = ["SAFE_HEADERS", "Observe", "expectation", "frame", "problem_response"]

_log = structlog.get_logger()
_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
_SERVER_ERROR: Final = 500
SAFE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "Kairos",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Observe = Callable[[str, int, float], None]
"""Hears of each answer: operation id (or ``none``), status, seconds."""


def frame(
    observe: Observe, *, secure: bool = False
) -> tuple[
    Middleware,
    Callable[[web.Request, web.StreamResponse], Awaitable[None]],
]:
    """Return the outermost middleware, and what adds the headers to every answer.

    ``secure``: it is served over TLS.
    """
    safe = (
        {**SAFE_HEADERS, "Strict-Transport-Security": "max-age=31536000"}
        if secure
        else SAFE_HEADERS
    )

    @web.middleware
    async def framed(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        request[REQUEST_ID] = request_id
        request[HEADERS] = {}
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = await _answered(request, handler)
            seconds = time.perf_counter() - started
            operation = request.get(OPERATION_ID, "none")
            observe(operation, response.status, seconds)
            tell = _log.info if response.status >= _SERVER_ERROR else _log.debug
            tell(
                "http.request",
                method=request.method,
                operation=operation,
                status=response.status,
                ms=round(seconds * 1000, 1),
            )
        return response

    return framed, _prepared(safe)


def _prepared(
    safe: Mapping[str, str],
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def prepared(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in safe.items():
            response.headers.setdefault(name, value)
        response.headers["Server"] = safe["Server"]  # the library has put its own there
        response.headers.update(request.get(HEADERS, {}))
        response.headers["X-Request-Id"] = request.get(REQUEST_ID, "")

    return prepared


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        refusal = _of_http(error)
        if refusal is None:
            raise
    except TimeoutError:
        refusal = Refusal(SLOW)
    except ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 -- the outermost frame of a request
        found = refusal_of(error)
        if found is None:
            _log.exception("http.failed", operation=request.get(OPERATION_ID, "none"))
        refusal = found or Refusal(INTERNAL)
    return problem_response(refusal, request[REQUEST_ID])


def problem_response(refusal: Refusal, request_id: str) -> web.Response:
    """Turn a refusal into its answer."""
    response = web.json_response(
        text=json.dumps(refusal.as_json(request_id), ensure_ascii=False),
        status=refusal.kind.status,
        content_type=PROBLEM_MEDIA,
        headers=refusal.headers,
    )
    if refusal.headers.get("Connection") == "close":
        response.force_close()
    return response


def _of_http(error: web.HTTPException) -> Refusal | None:
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return Refusal(METHOD, f"this address takes {allowed}", headers={"Allow": allowed})
        case web.HTTPNotFound():
            return Refusal(MISSING, "there is nothing at this address; /docs lists what there is")
        case web.HTTPRequestEntityTooLarge():
            return Refusal(BODY_TOO_LARGE)
        case web.HTTPRequestTimeout():
            return Refusal(REQUEST_TIMEOUT)
        case web.HTTPServerError():
            return Refusal(INTERNAL)
        case _:
            return None


async def expectation(request: web.Request) -> web.StreamResponse | None:
    """Answer the header Expect before a body is sent."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        return problem_response(Refusal(EXPECTATION, headers={"Connection": "close"}), "")
    if request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None
