"""Operations made up for tests of the frame around operations."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from gateway.domain.errors import BadInput, Conflict, NotFound, NotNow, StoreError, StoreUnavailable
from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.cursors import cut, read_cursor
from gateway.web.api.operation import Answer, Operation, PathValue
from gateway.web.api.problem_types import NOT_NOW
from gateway.web.api.schema import In, Out, Page, PageQuery

__all__ = ["GATE", "TRYOUT", "EchoIn", "begun"]


class Inner(In):
    """A part of a part."""

    weight: float
    """How heavy it is."""
    label: str = ""


class EchoIn(In):
    """Something to be said again."""

    text: Annotated[str, Field(max_length=20)]
    """What to say.

    More about it.
    """
    count: Annotated[int, Field(ge=1, le=9)] = 1
    at: datetime | None = None
    inner: Inner | None = None
    tags: Annotated[list[Inner], Field(max_length=5, default_factory=list)]
    numbers: Annotated[list[str], Field(default_factory=list)]


class EchoOut(Out):
    """What was said."""

    text: str
    by: str
    n: int


class ThingOut(Out):
    """A thing."""

    id: str
    version: int


class ThingQuery(PageQuery):
    """Which things."""

    state: Annotated[list[str], Field(default_factory=list)]


class ThingIn(In):
    """What a thing becomes."""

    name: str = ""
    numbers: Annotated[list[str], Field(default_factory=list)]


GATE = asyncio.Event()
"""What the slow echo waits for; a test makes it anew."""
_SAID: Final[dict[int, int]] = {}
_THINGS: Final = [f"t{n:02}" for n in range(7)]
_ERRORS: Final[dict[str, Exception]] = {
    "bad-input": BadInput("number", "has too few digits", value="…23", remedy="write all of them"),
    "not-now": NotNow("it is being dialed", remedy="wait until the call ended"),
    "not-found": NotFound("there is no callback x"),
    "conflict": Conflict("it was changed meanwhile"),
    "unavailable": StoreUnavailable("disk full at /var/lib"),
    "store": StoreError("odd row +442079460123"),
    "defect": ZeroDivisionError("+442079460123"),
    "timeout": TimeoutError(),
}


async def _echo(call: Call) -> Answer:
    body = call.body(EchoIn)
    n = _SAID[id(call.services)] = _SAID.get(id(call.services), 0) + 1
    if body.text == "slow":
        await asyncio.wait_for(GATE.wait(), 5)
    if body.text == "broken":
        raise StoreUnavailable
    out = EchoOut(text=body.text, by=call.by, n=n)
    return Answer(out, status=201, location="/v1/things/t01", version=n)


async def begun(services: object) -> None:
    """Wait until an echo is under way."""
    while not _SAID.get(id(services)):  # noqa: ASYNC110 -- gives way, waits for nothing
        await asyncio.sleep(0)


async def _large(_call: Call) -> web.StreamResponse:
    return web.Response(text="x" * 50_000_000)


async def _list(call: Call) -> Answer:
    query = call.query(ThingQuery)
    after = read_cursor(query.cursor)
    found = [one for one in _THINGS if one > after][: query.limit + 1]
    page, cursor = cut(found, query.limit, lambda one: one)
    data = [ThingOut(id=one, version=1) for one in page]
    return Answer(Page[ThingOut](data=data, next=cursor))


async def _read(call: Call) -> Answer:
    thing = call.path["thing_id"]
    if thing not in _THINGS:
        raise NotFound(f"there is no thing {thing}")
    return Answer(ThingOut(id=thing, version=3), version=3)


async def _change(call: Call) -> Answer:
    if call.version() not in {3, None}:
        raise Conflict("the thing has version 3")
    return Answer(ThingOut(id=call.path["thing_id"], version=4), version=4)


async def _raise(call: Call) -> Answer:
    raise _ERRORS[call.path["what"]]


async def _admin(_call: Call) -> Answer:
    return Answer(status=204)


def _made(method: str, path: str, operation_id: str, **more: object) -> Operation:
    given = {"tag": "Tryout", "summary": operation_id, "scope": Scope.READ, **more}
    return Operation(method=method, path=path, operation_id=operation_id, **given)  # type: ignore[arg-type]


TRYOUT: Final[tuple[Operation, ...]] = (
    _made(
        "POST",
        "/v1/echo",
        "echo",
        scope=Scope.WRITE,
        body=EchoIn,
        answers={201: EchoOut},
        idempotent=True,
        etag=True,
        handler=_echo,
        examples={"body": {"text": "hello", "count": 2}, 201: {"text": "hello", "by": "x", "n": 1}},
    ),
    _made(
        "GET",
        "/v1/large",
        "large",
        scope=None,
        answers={200: None},
        media="text/plain",
        handler=_large,
    ),
    _made(
        "GET",
        "/v1/things",
        "listThings",
        query=ThingQuery,
        answers={200: Page[ThingOut]},
        handler=_list,
    ),
    _made(
        "GET",
        "/v1/things/{thing_id}",
        "readThing",
        answers={200: ThingOut},
        etag=True,
        paths={"thing_id": PathValue(description="<b>which</b> thing", example="t01")},
        handler=_read,
    ),
    _made(
        "PATCH",
        "/v1/things/{thing_id}",
        "changeThing",
        scope=Scope.WRITE,
        body=ThingIn,
        answers={200: ThingOut},
        conditional=True,
        etag=True,
        handler=_change,
    ),
    _made(
        "PUT",
        "/v1/raise/{what}",
        "raise",
        body=ThingIn,
        optional_body=True,
        answers={200: ThingOut},
        problems=(NOT_NOW,),
        handler=_raise,
    ),
    _made(
        "DELETE",
        "/v1/things/{thing_id}",
        "dropThing",
        scope=Scope.ADMIN,
        answers={204: None},
        handler=_admin,
    ),
)
"""One operation for each feature of the frame."""
