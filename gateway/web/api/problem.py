"""Every way to say no: problem details (RFC 9457), each type with a page of its own.

Raise a :class:`Refusal` to answer one; errors of the domain are mapped by :func:`refusal_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ConfigDict, Field

from gateway.domain.errors import (
    BadInput,
    Conflict,
    NotFound,
    NotNow,
    StoreError,
    StoreUnavailable,
)
from gateway.web.api.problem_types import (
    CONFLICT,
    INVALID_INPUT,
    MISSING,
    NOT_NOW,
    PRECONDITION_FAILED,
    UNAVAILABLE,
    ProblemType,
)
from gateway.web.api.schema import Out

__all__ = ["PROBLEM_MEDIA", "FieldError", "FieldProblem", "ProblemOut", "Refusal", "refusal_of"]

PROBLEM_MEDIA: Final = "application/problem+json"
_RETRY_AFTER: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One mistake: where (a JSON pointer into the body, or a parameter), what, how to mend it."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    hint: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the members that are set."""
        pairs = {
            "pointer": self.pointer,
            "parameter": self.parameter,
            "detail": self.detail,
            "hint": self.hint or None,
        }
        return {name: text for name, text in pairs.items() if text is not None}


class Refusal(Exception):
    """A request is answered with a problem. ``detail`` never holds personal data."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail or kind.meaning
        self.errors = errors
        self.headers = dict(headers or {})

    def as_json(self, request_id: str = "") -> dict[str, Any]:
        """Return the problem details."""
        data: dict[str, Any] = {
            "type": self.kind.uri,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        }
        if self.errors:
            data["errors"] = [one.as_json() for one in self.errors]
        if request_id:
            data["request_id"] = request_id
        return data


class FieldProblem(Out):
    """One mistake in what was sent."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    pointer: str | None = Field(None, description="Where in the body: a JSON pointer (RFC 6901).")
    parameter: str | None = Field(None, description="Which parameter, if it is not the body.")
    detail: str = Field(description="What is wrong with it.")
    hint: str | None = Field(None, description="How to mend it.")


class ProblemOut(Out):
    """Problem details (RFC 9457): why a request was refused, and how to mend it."""

    model_config = ConfigDict(title="Problem", json_schema_serialization_defaults_required=False)

    type: str = Field(description="Which kind of problem: the address of a page about it.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time.")
    errors: list[FieldProblem] | None = Field(None, description="Every mistake that was found.")
    request_id: str | None = Field(None, description="Names this request in the log.")


@dataclass(frozen=True, slots=True)
class Pointing:
    """Finds where a field of the domain is in a request: the fields of its body and its query."""

    body: frozenset[str] = field(default_factory=frozenset)
    query: frozenset[str] = field(default_factory=frozenset)

    def at(self, name: str) -> dict[str, str]:
        """Return the pointer or parameter for a field named as the domain names it."""
        for one in (name, f"{name}s"):
            if one in self.body:
                return {"pointer": f"/{one}"}
            if one in self.query:
                return {"parameter": one}
        return {"pointer": "/" + name.replace("~", "~0").replace("/", "~1").replace(".", "/")}


def refusal_of(  # noqa: PLR0911 -- a table, one line for each error
    error: Exception, *, pointing: Pointing | None = None, conditional: bool = False
) -> Refusal | None:
    """Map an error of the domain; None for a defect. ``conditional``: an If-Match was given."""
    match error:
        case Refusal():
            return error
        case BadInput():
            place = (pointing or Pointing()).at(error.field)
            shown = f"{error.problem} ({error.value})" if error.value else error.problem
            found = FieldError(detail=shown, hint=error.remedy, **place)
            return Refusal(INVALID_INPUT, str(error), errors=(found,))
        case NotNow():
            return Refusal(NOT_NOW, str(error))
        case NotFound():
            return Refusal(MISSING, str(error))
        case Conflict():
            return Refusal(PRECONDITION_FAILED if conditional else CONFLICT, str(error))
        case StoreUnavailable():
            return Refusal(UNAVAILABLE, headers={"Retry-After": str(_RETRY_AFTER)})
        case StoreError():
            return Refusal(UNAVAILABLE, headers={"Retry-After": str(_RETRY_AFTER)})
        case _:
            return None
