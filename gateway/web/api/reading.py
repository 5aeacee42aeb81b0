"""Reads what was sent, within limits of size and time, and says at once all that is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar, get_args

from aiohttp import web
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.problems import did_you_mean
from gateway.web.api.operation import Operation
from gateway.web.api.problem import FieldError, Refusal
from gateway.web.api.problem_types import (
    BAD_JSON,
    BODY_TOO_LARGE,
    INVALID_INPUT,
    MEDIA_TYPE,
    REQUEST_TIMEOUT,
    UNEXPECTED_BODY,
)

__all__ = ["check_body", "check_query", "mistakes_in", "read_body"]

M = TypeVar("M", bound=BaseModel)
_MOST_ERRORS: Final = 50
_LONGEST_NAME: Final = 60
_LONGEST_MEDIA_TYPE: Final = 200  # reading a long one takes the library very long
_MESSAGES: Final = {
    "missing": "is missing",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


async def read_body(request: web.Request, operation: Operation, within: float) -> bytes:
    """Read the body, whole and not too large. Raises Refusal."""
    if not request.body_exists:
        return b""
    _check_form(request, operation)
    limit = operation.body_bytes
    too_large = Refusal(
        BODY_TOO_LARGE, f"the body may have {limit} bytes", headers={"Connection": "close"}
    )
    if (request.content_length or 0) > limit:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(within):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > limit:
                    raise too_large
    except TimeoutError:
        raise Refusal(REQUEST_TIMEOUT, headers={"Connection": "close"}) from None
    return bytes(body)


def _check_form(request: web.Request, operation: Operation) -> None:
    close = {"Connection": "close"}
    if operation.body is None:
        raise Refusal(UNEXPECTED_BODY, headers=close)
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Refusal(
            MEDIA_TYPE,
            "a compressed body is not taken; leave Content-Encoding out",
            headers={**close, "Accept-Encoding": "identity"},
        )
    if len(request.headers.get("Content-Type", "")) > _LONGEST_MEDIA_TYPE:
        raise Refusal(MEDIA_TYPE, "Content-Type must be application/json", headers=close)
    charset = (request.charset or "utf-8").lower()
    if request.content_type != "application/json" or charset not in {"utf-8", "utf8"}:
        raise Refusal(MEDIA_TYPE, "Content-Type must be application/json", headers=close)


def check_body(raw: bytes, model: type[M], *, optional: bool = False) -> M:
    """Check a body against its model. Raises Refusal with all that is wrong."""
    if not raw and optional:
        raw = b"{}"
    elif not raw:
        missing = FieldError(pointer="", detail="is missing", hint="send a JSON object")
        raise Refusal(INVALID_INPUT, "a body is needed", errors=(missing,))
    try:
        checked = model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise _refusal(error, model, "pointer") from None
    if b"\\u0000" in raw:  # no database keeps these
        odd = FieldError(pointer="", detail="holds the character U+0000", hint="leave it out")
        raise Refusal(INVALID_INPUT, "the body holds the character U+0000", errors=(odd,))
    return checked


def check_query(query: MultiMapping[str], model: type[BaseModel] | None) -> BaseModel | None:
    """Check the parameters behind the question mark. Raises Refusal with all that is wrong."""
    fields = model.model_fields if model else {}
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name in dict.fromkeys(query):
        found = query.getall(name)
        many = name in fields and _is_list(fields[name].annotation)
        if name not in fields:
            shown = name[:_LONGEST_NAME]
            hint = did_you_mean(shown, fields) if fields else "this operation has no parameters"
            errors.append(FieldError(parameter=shown, detail="is not known here", hint=hint))
        elif len(found) > 1 and not many:
            detail = "is given more than once"
            errors.append(FieldError(parameter=name, detail=detail, hint="give it once"))
        elif any(not _plain(one) for one in found):
            errors.append(FieldError(parameter=name, detail="holds a control character"))
        else:
            values[name] = found if many else found[0]
    checked: BaseModel | None = None
    try:
        checked = model.model_validate(values, strict=False) if model else None
    except ValidationError as error:
        told = {one.parameter for one in errors}
        more = _errors(error, model, "parameter") if model else ()
        errors += [one for one in more if one.parameter not in told]
    if errors:
        raise _together(errors[:_MOST_ERRORS])
    return checked


def mistakes_in(
    error: ValidationError, model: type[BaseModel], under: str
) -> tuple[FieldError, ...]:
    """Say what is wrong with one item of a body; ``under`` is the item's JSON pointer."""
    return tuple(
        replace(one, pointer=f"{under}{one.pointer}") for one in _errors(error, model, "pointer")
    )


def _plain(text: str) -> bool:
    return not any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in text)


def _is_list(annotation: Any) -> bool:  # noqa: ANN401 -- an annotation is anything
    origins = (annotation, *get_args(annotation))
    return any(getattr(one, "__origin__", one) in {list, tuple, set, frozenset} for one in origins)


def _refusal(error: ValidationError, model: type[BaseModel], kind: str) -> Refusal:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Refusal(BAD_JSON, f"the body is no JSON: {first['ctx']['error']}")
    return _together(list(_errors(error, model, kind)))


def _together(errors: Sequence[FieldError]) -> Refusal:
    first = errors[0]
    where = first.parameter or first.pointer or "the body"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Refusal(INVALID_INPUT, f"{where} {first.detail}{more}", errors=tuple(errors))


def _errors(error: ValidationError, model: type[BaseModel], kind: str) -> Iterator[FieldError]:
    for one in error.errors(include_url=False, include_input=False)[:_MOST_ERRORS]:
        holder, path = _follow(model, one["loc"])
        detail, hint = _words(one, holder)
        place = path if kind == "pointer" else path[:1]
        text = "".join(f"/{_escaped(part)}" for part in place)
        if kind == "pointer":
            yield FieldError(pointer=text, detail=detail, hint=hint)
        else:
            yield FieldError(parameter=text.removeprefix("/"), detail=detail, hint=hint)


def _words(error: ErrorDetails, holder: type[BaseModel] | None) -> tuple[str, str]:
    kind, name = error["type"], str(error["loc"][-1] if error["loc"] else "")
    fields: Mapping[str, Any] = holder.model_fields if holder else {}
    if kind == "extra_forbidden":
        return "is not known here", did_you_mean(name[:_LONGEST_NAME], fields)
    if kind in _MESSAGES:
        meaning = fields[name].description if name in fields else None
        return _MESSAGES[kind], (meaning or "").split("\n")[0]
    text = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    text = text.replace("Input should be", "must be")
    sentence, _, hint = text.partition("; ")
    return sentence[:1].lower() + sentence[1:], hint


def _follow(
    model: type[BaseModel], loc: Sequence[str | int]
) -> tuple[type[BaseModel] | None, list[str | int]]:
    """Return the model that holds the last part of ``loc``, and ``loc`` without union branches."""
    holder: type[BaseModel] | None = model
    inner: Any = model
    path: list[str | int] = []
    for n, part in enumerate(loc):
        last = n == len(loc) - 1
        holder = _model_in(inner)
        if isinstance(part, int):
            path.append(part)
        elif holder is not None and part in holder.model_fields:
            path.append(part)
            inner = holder.model_fields[part].annotation
        elif last or holder is None:
            path.append(part[:_LONGEST_NAME])
    return holder, path


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 -- an annotation is anything
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for one in get_args(annotation):
        if (found := _model_in(one)) is not None:
            return found
    return None


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
