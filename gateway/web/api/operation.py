"""One thing the API can do, described once: routing, checks, documents and answers follow."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from pydantic import BaseModel

from gateway.domain.records import Scope
from gateway.web.api.problem_types import (
    ANY,
    BAD_JSON,
    BODY_TOO_LARGE,
    CONFLICT,
    FORBIDDEN,
    IDEMPOTENCY_IN_PROGRESS,
    IDEMPOTENCY_REUSED,
    INVALID_INPUT,
    KEY_NEEDED,
    MEDIA_TYPE,
    MISSING,
    PRECONDITION_FAILED,
    PRECONDITION_REQUIRED,
    RATE_LIMITED,
    UNEXPECTED_BODY,
    ProblemType,
)

if TYPE_CHECKING:
    from gateway.web.api.call import Call

__all__ = ["BATCH_BYTES", "BODY_BYTES", "ID", "Answer", "Handler", "Operation", "PathValue"]

BODY_BYTES: Final = 256 * 1024
"""How large the body of an ordinary request may be."""
BATCH_BYTES: Final = 4_000_000
"""How large the body of a batch may be."""
_TIME_LIMIT: Final = 30.0
_NAMES = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers. ``version`` becomes the ETag, ``location`` the header of that name.

    A body with a ``next`` cursor (:class:`~gateway.web.api.schema.Page`) gets its Link header.
    """

    body: BaseModel | None = None
    status: int = 200
    version: int | str | None = None
    location: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[["Call"], Awaitable["Answer | web.StreamResponse"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathValue:
    """A value in a path: what does not match ``pattern`` is not found, without asking anybody."""

    pattern: str = r"[A-Za-z0-9_.:-]{1,100}"
    description: str = ""
    example: str = ""


ID: Final = PathValue()
"""An id of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    ``path`` names its values in braces; those without an entry in ``paths`` are ids. ``scope`` None
    needs no key. ``answers``: status to model (None: no JSON body; ``media`` names what comes).
    ``problems``: those beyond what follows from the rest. ``idempotent``: takes an Idempotency-Key.
    ``conditional``: needs If-Match. ``time_limit`` in seconds, None for a stream.
    ``optional_body``: an empty body stands for ``{}``.
    ``examples``: for the body (``body``) and for answers (by status), as JSON values.
    """

    method: str
    path: str
    operation_id: str
    tag: str
    summary: str
    handler: Handler
    answers: Mapping[int, type[BaseModel] | None]
    scope: Scope | None
    description: str = ""
    body: type[BaseModel] | None = None
    optional_body: bool = False
    query: type[BaseModel] | None = None
    paths: Mapping[str, PathValue] = field(default_factory=dict)
    problems: tuple[ProblemType, ...] = ()
    idempotent: bool = False
    conditional: bool = False
    etag: bool = False
    body_bytes: int = BODY_BYTES
    time_limit: float | None = _TIME_LIMIT
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str | int, Any] = field(default_factory=dict)
    hidden: bool = False

    @property
    def path_values(self) -> dict[str, PathValue]:
        """Return the values in the path, in order."""
        return {name: self.paths.get(name, ID) for name in _NAMES.findall(self.path)}

    @property
    def all_problems(self) -> tuple[ProblemType, ...]:
        """Return every problem this operation may answer, by status."""
        found = {*self.problems, *ANY}
        if self.scope is not None:
            found |= {KEY_NEEDED, FORBIDDEN, RATE_LIMITED}
        if self.path_values:
            found.add(MISSING)
        if self.body is not None:
            found |= {BAD_JSON, BODY_TOO_LARGE, MEDIA_TYPE, INVALID_INPUT}
        else:
            found.add(UNEXPECTED_BODY)
        found.add(INVALID_INPUT)  # an unknown parameter
        if self.method != "GET":
            found.add(CONFLICT)
        if self.idempotent:
            found |= {IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_REUSED}
        if self.conditional:
            found |= {PRECONDITION_FAILED, PRECONDITION_REQUIRED}
        return tuple(sorted(found, key=lambda one: (one.status, one.slug)))
