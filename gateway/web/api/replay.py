"""Idempotency: a request that is repeated with its key is answered again, not carried out again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from aiohttp import web

from gateway.domain.errors import StoreError
from gateway.domain.records import Remembered
from gateway.web.api.call import Call
from gateway.web.api.problem import FieldError, Refusal
from gateway.web.api.problem_types import (
    IDEMPOTENCY_IN_PROGRESS,
    IDEMPOTENCY_REUSED,
    INVALID_INPUT,
)

__all__ = ["Replays", "scoped_key"]

_log = structlog.get_logger()
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT: Final = ("Content-Type", "ETag", "Location", "Link")
_SUCCESS: Final = range(200, 300)


def scoped_key(request: web.Request, who: str) -> str | None:
    """Return the Idempotency-Key with who asks and what for; None if none was sent.

    Raises Refusal for one that cannot be used.
    """
    sent = request.headers.getall("Idempotency-Key", [])
    if not sent:
        return None
    if len(sent) > 1 or not _KEY.fullmatch(sent[0]):
        detail = "must be 1 to 255 visible ASCII characters"
        error = FieldError(parameter="Idempotency-Key", detail=detail, hint="a UUID will do")
        raise Refusal(INVALID_INPUT, f"Idempotency-Key {detail}", errors=(error,))
    whole = f"{who}\n{request.method} {request.path}\n{sent[0]}"
    return hashlib.sha256(whole.encode()).hexdigest()


class Replays:
    """Remembers answers by key. Only successes: whatever was refused changed nothing."""

    def __init__(self) -> None:
        self._running: set[str] = set()

    async def run(
        self, call: Call, work: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Carry out ``work``, or answer as it was answered before. Raises Refusal."""
        key = call.idempotency_key
        if key is None:
            return await work()
        fingerprint = hashlib.sha256(
            call.request.query_string.encode() + b"\n" + call.raw_body
        ).hexdigest()
        if key in self._running:
            raise Refusal(IDEMPOTENCY_IN_PROGRESS, headers={"Retry-After": "1"})
        self._running.add(key)
        try:
            before = await call.services.office.store.recall(key)
            if before is not None:
                return _again(before, fingerprint)
            response = await work()
            await _remember(call, key, fingerprint, response)
            return response
        finally:
            self._running.discard(key)


async def _remember(call: Call, key: str, fingerprint: str, response: web.StreamResponse) -> None:
    if response.status not in _SUCCESS or not isinstance(response, web.Response):
        return
    headers = {name: response.headers[name] for name in _KEPT if name in response.headers}
    kept = {"headers": headers, "text": response.text}
    answer = Remembered(
        key=key,
        fingerprint=fingerprint,
        status=response.status,
        body=json.dumps(kept, ensure_ascii=False),
        at=call.services.clock.now(),
    )
    try:
        await call.services.office.store.remember(answer)
    except StoreError as error:
        # It is done and is answered so; only a repetition would be carried out again.
        _log.warning("api.not_remembered", reason=str(error))


def _again(before: Remembered, fingerprint: str) -> web.Response:
    if before.fingerprint != fingerprint:
        raise Refusal(IDEMPOTENCY_REUSED)
    kept: dict[str, Any] = json.loads(before.body)
    headers = {**kept["headers"], "Idempotent-Replayed": "true"}
    return web.Response(status=before.status, text=kept["text"], headers=headers)
