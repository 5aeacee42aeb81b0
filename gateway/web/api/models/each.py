"""Lists of which every item stands for itself: one bad item spoils none of the others."""

from __future__ import annotations

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler

from gateway.web.api.problem import FieldProblem
from gateway.web.api.schema import Out

__all__ = ["ItemProblem", "each"]


def each(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Check one item; what is wrong with it takes its place instead of failing the whole."""
    try:
        return check(value)
    except ValidationError as error:
        return error


class ItemProblem(Out):
    """Why one item was refused: the `type`, `title` and `errors` of a problem of its own."""

    type: str = Field(description="Which kind of problem: the address of a page about it.")
    title: str
    detail: str
    errors: list[FieldProblem] = Field(
        description="Each mistake; the pointers lead into the whole body, like `/items/3/number`."
    )
