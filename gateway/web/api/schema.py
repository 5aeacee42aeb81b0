"""What every model of the API has in common: strict on the way in, plain on the way out."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MOST_PER_PAGE", "In", "Out", "Page", "PageQuery"]

MOST_PER_PAGE = 200
"""How many things one page may hold."""

T = TypeVar("T")


class In(BaseModel):
    """Something that was sent to us. Unknown fields are refused; ``"5"`` is no number."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )


class Out(BaseModel):
    """Something that we answer."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


class PageQuery(In):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=MOST_PER_PAGE)] = 50
    """How many to return at most."""
    cursor: Annotated[str | None, Field(max_length=400)] = None
    """Where to go on: `next` of the page before."""


class Page(Out, Generic[T]):
    """One page of a list."""

    data: list[T]
    """What was found, in order."""
    next: str | None = None
    """The cursor of the next page; null on the last one."""
