"""What happens, as it happens: server-sent events."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

from aiohttp import web

from gateway.app.tail import JournalTail
from gateway.domain.errors import StoreUnavailable
from gateway.domain.lifecycle import Event, event_of
from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.models.webhooks import StreamQuery
from gateway.web.api.operation import Operation
from gateway.web.api.problem import FieldError, Refusal
from gateway.web.api.problem_types import INVALID_INPUT, NOT_NOW
from gateway.web.api.resources.webhooks import notices_of

__all__ = ["OPERATIONS"]

_HEARTBEAT: Final = 15.0
# How soon one that is gone is noticed, for nobody tells a handler.
_LOOK_EVERY: Final = 1.0
# A client that takes no bytes for this long is dropped; it may come again and loses nothing.
_WRITE_WITHIN: Final = 10.0
# Then the client connects again.
_LONGEST: Final = 3600.0
_RETRY_MS: Final = 3000
_PAGE: Final = 100
_LARGEST_PLACE: Final = 2**63 - 1
_MOST_DIGITS: Final = 19


async def _stream(call: Call) -> web.StreamResponse:
    query, tail = call.query(StreamQuery), notices_of(call).tail
    place = _last_place(call)
    with tail.follow():
        place = await tail.end() if place is None else place
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(call.request)
        if call.request.method == "HEAD":
            return response
        try:
            await _write(response, f"retry: {_RETRY_MS}\n: from place {place}\n\n")
            await _follow(call, response, tail, query, place)
            await _write(response, f"retry: {_RETRY_MS + secrets.randbelow(_RETRY_MS)}\n\n")
        except (TimeoutError, ConnectionError):
            _cut(call)
    return response


async def _follow(
    call: Call, response: web.StreamResponse, tail: JournalTail, query: StreamQuery, place: int
) -> None:
    clock = call.services.clock
    ends = clock.monotonic() + _LONGEST
    told = clock.monotonic()
    while not tail.closed and clock.monotonic() < ends:
        try:
            entries = await tail.after(place, _PAGE)
        except StoreUnavailable:
            entries = []
            await tail.wait(_LARGEST_PLACE, 1.0)
        for entry in entries:
            place = entry.id
            event = event_of(entry)
            if event is not None and _is_wanted(event, query):
                await _write(response, _written(event))
                told = clock.monotonic()
        if clock.monotonic() - told >= _HEARTBEAT:
            await _write(response, ": still here\n\n")
            told = clock.monotonic()
        if call.request.transport is None or call.request.transport.is_closing():
            return
        if not await _may_go_on(call):
            return
        if not entries:
            await tail.wait(place, min(_LOOK_EVERY, told + _HEARTBEAT - clock.monotonic()))


async def _may_go_on(call: Call) -> bool:
    """Whether the key is still good; the socket of this machine has none."""
    key_id = call.identity.key_id
    try:
        return not key_id or await call.services.keys.is_good(key_id)
    except StoreUnavailable:
        return True


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(_WRITE_WITHIN):
        await response.write(text.encode())


def _cut(call: Call) -> None:
    """End a connection whose client does not read, at once."""
    if call.request.transport is not None:
        call.request.transport.abort()


def _written(event: Event) -> str:
    return f"id: {event.place}\nevent: {event.type}\ndata: {event.body}\n\n"


def _is_wanted(event: Event, query: StreamQuery) -> bool:
    return query.queue in {None, event.queue} and query.callback_id in {None, event.thread}


def _last_place(call: Call) -> int | None:
    """Return where the client was, or None for what is next."""
    text = call.request.headers.get("Last-Event-ID", "").strip()
    if not text:
        return None
    readable = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if not readable or int(text) > _LARGEST_PLACE:
        detail, hint = (
            "is no place in the journal",
            "send the id of the last event, or leave it out",
        )
        error = FieldError(parameter="Last-Event-ID", detail=detail, hint=hint)
        raise Refusal(INVALID_INPUT, f"Last-Event-ID {detail}", errors=(error,))
    return int(text)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/stream",
        operation_id="streamEvents",
        tag="Webhooks",
        summary="Follow what happens, as it happens",
        description="Server-sent events: `id` is the place in the journal, `event` the type, "
        "`data` the same JSON that webhooks get. `Last-Event-ID` goes on after a place; without it "
        "the stream begins with what happens next. A comment comes every 15 seconds. The stream "
        "ends after an hour, or when the service stops: connect again.",
        scope=Scope.READ,
        query=StreamQuery,
        answers={200: None},
        problems=(NOT_NOW,),
        media="text/event-stream",
        time_limit=None,
        handler=_stream,
    ),
)
