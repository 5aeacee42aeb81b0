"""The control socket: how commands on this machine talk to the running service.

A Unix domain socket in the data directory, for the owner of that directory only; the rights of the
file are the login. JSON over HTTP, so that ``curl --unix-socket`` will do too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from gateway.app.intake import CallbackRequest, Intake
from gateway.domain.errors import BadInput, StoreError
from gateway.web.socketfile import listen
from gateway.web.wire import answer_to_json, request_from_json

__all__ = ["MOST_CALLBACKS", "SOCKET_NAME", "control_server"]

_log = structlog.get_logger()
SOCKET_NAME: Final = "control.sock"
"""The socket's name in the data directory."""
MOST_CALLBACKS: Final = 500
"""How many requests one POST may hold."""
_LARGEST_BODY: Final = 4_000_000
_READ_WITHIN: Final = 15.0
_ANSWER_WITHIN: Final = 60.0
_CLOSE_WITHIN: Final = 5.0
_LINGER: Final = 1.0

Health = Callable[[], Awaitable[Mapping[str, Any]]]
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def control_server(folder: Path, intake: Intake, health: Health) -> AsyncIterator[Path]:
    """Serve at ``folder``/control.sock while inside; yields the path. Raises OSError.

    The data directory must be locked by this process.
    """
    app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[_guard])
    app.add_routes(
        [web.post("/v1/callbacks", _taker(intake)), web.get("/v1/health", _health(health))]
    )
    path = folder / SOCKET_NAME
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=_CLOSE_WITHIN, lingering_time=_LINGER
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listen(path)).start()
        yield path
    finally:
        path.unlink(missing_ok=True)
        await runner.cleanup()


@web.middleware
async def _guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Bound the time of every request and turn every error into a sentence."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            return await handler(request)
    except web.HTTPException as error:
        return _refusal(error.status, error.reason)
    except StoreError as error:
        return _refusal(503, f"the database: {error}", kind="store")
    except TimeoutError:
        return _refusal(504, "took too long")
    except Exception:  # noqa: BLE001 -- the outermost frame of a request; logged with traceback
        _log.exception("control.failed", path=request.path)
        return _refusal(500, "something unexpected happened; see the service's log")


def _refusal(status: int, text: str, kind: str = "request") -> web.Response:
    return web.json_response({"error": text, "kind": kind}, status=status)


def _taker(intake: Intake) -> _Handler:
    async def take(request: web.Request) -> web.Response:
        items = await _items(request)
        read = [_read(item) for item in items]
        wanted = [one for one in read if isinstance(one, CallbackRequest)]
        answers = iter(await intake.take(wanted) if wanted else ())
        results = [one if isinstance(one, BadInput) else next(answers) for one in read]
        return web.json_response({"results": [answer_to_json(one) for one in results]})

    return take


def _read(item: object) -> CallbackRequest | BadInput:
    try:
        return request_from_json(item)
    except BadInput as problem:
        return problem


async def _items(request: web.Request) -> list[object]:
    try:
        async with asyncio.timeout(_READ_WITHIN):
            data = json.loads(await request.read())
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="the request did not come in time") from None
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(reason="the body is no JSON") from None
    items = data.get("callbacks") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise web.HTTPUnprocessableEntity(reason="the body must hold a list 'callbacks'")
    if len(items) > MOST_CALLBACKS:
        raise web.HTTPRequestEntityTooLarge(max_size=MOST_CALLBACKS, actual_size=len(items))
    return items


def _health(health: Health) -> _Handler:
    async def tell(_request: web.Request) -> web.Response:
        return web.json_response(await health())

    return tell
