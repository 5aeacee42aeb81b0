"""The control socket: how commands on this machine talk to the running service.

A Unix domain socket in the data directory, for the owner of that directory only: the rights of the
file are the login, and whoever may open it is an administrator. It serves the same API as the
network, and one operation more, by which whole files are brought in quickly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field

from gateway.app.intake import CallbackRequest
from gateway.domain.errors import BadInput
from gateway.domain.records import Scope
from gateway.web.api.app import build_app
from gateway.web.api.call import Call, Door
from gateway.web.api.operation import BATCH_BYTES, Answer, Operation
from gateway.web.api.resources import OPERATIONS
from gateway.web.api.schema import In, Out
from gateway.web.api.services import Services
from gateway.web.socketfile import listen
from gateway.web.wire import answer_to_json, request_from_json

__all__ = ["IMPORT_PATH", "MOST_CALLBACKS", "SOCKET_NAME", "control_server"]

SOCKET_NAME: Final = "control.sock"
"""The socket's name in the data directory."""
MOST_CALLBACKS: Final = 500
"""How many requests one POST may hold."""
IMPORT_PATH: Final = "/v1/import"
"""Where commands bring files in."""
_ANSWER_WITHIN: Final = 60.0
_CLOSE_WITHIN: Final = 5.0
_LINGER: Final = 1.0


@asynccontextmanager
async def control_server(folder: Path, services: Services) -> AsyncIterator[Path]:
    """Serve at ``folder``/control.sock while inside; yields the path. Raises OSError.

    The data directory must be locked by this process.
    """
    app = build_app(services, (*OPERATIONS, _IMPORT), door=Door.SOCKET)
    path = folder / SOCKET_NAME
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=_CLOSE_WITHIN,
        lingering_time=_LINGER,
        auto_decompress=False,
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listen(path)).start()
        yield path
    finally:
        path.unlink(missing_ok=True)
        await runner.cleanup()


class ImportIn(In):
    """Requests as :mod:`gateway.web.wire` writes them down."""

    callbacks: Annotated[list[Any], Field(max_length=MOST_CALLBACKS)]


class ImportOut(Out):
    """What became of each, in order."""

    results: list[dict[str, Any]]


async def _import(call: Call) -> Answer:
    read = [_read(item) for item in call.body(ImportIn).callbacks]
    wanted = [one for one in read if isinstance(one, CallbackRequest)]
    answers = iter(await call.office.intake.take(wanted) if wanted else ())
    results = [one if isinstance(one, BadInput) else next(answers) for one in read]
    return Answer(ImportOut(results=[answer_to_json(one) for one in results]))


def _read(item: object) -> CallbackRequest | BadInput:
    try:
        return request_from_json(item)
    except BadInput as problem:
        return problem


_IMPORT: Final = Operation(
    method="POST",
    path=IMPORT_PATH,
    operation_id="import",
    tag="Callbacks",
    summary="Take many requests in, each answered in its place",
    scope=Scope.ADMIN,
    body=ImportIn,
    body_bytes=BATCH_BYTES,
    time_limit=_ANSWER_WITHIN,
    answers={200: ImportOut},
    hidden=True,
    handler=_import,
)
