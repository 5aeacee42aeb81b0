"""What became of one item among many: an answer of its own, or a problem of its own."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from gateway.domain.errors import BadInput
from gateway.web.api.models.each import ItemProblem
from gateway.web.api.problem import FieldError, FieldProblem, Pointing
from gateway.web.api.problem_types import INVALID_INPUT
from gateway.web.api.reading import mistakes_in

__all__ = ["item_problem"]


def item_problem(
    problem: ValidationError | BadInput, model: type[BaseModel], place: int
) -> ItemProblem:
    """Say what is wrong with the item at this place."""
    under = f"/items/{place}"
    errors: tuple[FieldError, ...]
    if isinstance(problem, ValidationError):
        errors = mistakes_in(problem, model, under)
    else:
        pointing = Pointing(body=frozenset(model.model_fields))
        shown = f"{problem.problem} ({problem.value})" if problem.value else problem.problem
        pointer = under + pointing.at(problem.field)["pointer"]
        errors = (FieldError(pointer=pointer, detail=shown, hint=problem.remedy),)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ItemProblem(
        type=INVALID_INPUT.uri,
        title=INVALID_INPUT.title,
        detail=f"{errors[0].pointer} {errors[0].detail}{more}",
        errors=[FieldProblem(**one.as_json()) for one in errors],
    )
