"""What may go wrong, in the API document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway.web.api.operation import Operation
from gateway.web.api.problem import PROBLEM_MEDIA, FieldError, Refusal
from gateway.web.api.problem_types import INVALID_INPUT, ProblemType

__all__ = ["example_of", "headers_of", "problem_example", "problems_of"]

Json = dict[str, Any]
_EXAMPLE: Final = FieldError(
    pointer="/qeue", detail="is not known here", hint="did you mean 'queue'?"
)


def headers_of(operation: Operation, *more: str) -> Json:
    """Return the headers of an answer: those that all have, and ``more``."""
    limited = () if operation.scope is None else ("RateLimit", "RateLimit-Policy")
    return {
        name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *limited, *more)
    }


def example_of(kind: ProblemType) -> Refusal:
    """Return a refusal of this kind, as it may be."""
    if kind is INVALID_INPUT:
        return Refusal(kind, "/qeue is not known here", errors=(_EXAMPLE,))
    return Refusal(kind)


def problems_of(operation: Operation, shared: Json) -> Json:
    """Return what may go wrong, by status; what is the same elsewhere is ``shared``."""
    by_status: dict[int, list[ProblemType]] = {}
    for kind in operation.all_problems:
        by_status.setdefault(kind.status, []).append(kind)
    told: Json = {}
    for status, kinds in by_status.items():
        limited = "" if operation.scope is None else "limited-"
        name = limited + "-or-".join(kind.slug for kind in kinds)
        shared.setdefault(name, _problem(operation, status, kinds))
        told[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return told


def _problem(operation: Operation, status: int, kinds: Sequence[ProblemType]) -> Json:
    return {
        "description": " ".join(f"{kind.title}." for kind in kinds),
        "headers": headers_of(operation, *_PROBLEM_HEADERS.get(status, ())),
        "content": {
            PROBLEM_MEDIA: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {
                    kind.slug: {"$ref": f"#/components/examples/{kind.slug}"} for kind in kinds
                },
            }
        },
    }


_PROBLEM_HEADERS: Final = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def problem_example(kind: ProblemType) -> Json:
    """Return a problem as it may look."""
    return {"summary": kind.title, "value": example_of(kind).as_json("5f0c6e0b1f2a4d3c")}
