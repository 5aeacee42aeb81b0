"""The API document (OpenAPI 3.1), made from the same table and the same models that serve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.web.api.openapi_problems import headers_of, problem_example, problems_of
from gateway.web.api.openapi_words import ABOUT, HEADERS, PARAMETERS, SECURITY, TAGS
from gateway.web.api.operation import Operation
from gateway.web.api.problem import ProblemOut
from gateway.web.api.problem_types import PROBLEM_TYPES

__all__ = ["document_of"]

Json = dict[str, Any]
_Mode = Literal["validation", "serialization"]
_REF: Final = "#/components/schemas/{model}"
_NO_CONTENT: Final = 204
_CREATED: Final = 201
_MEANINGS: Final = {
    200: "As asked.",
    201: "Made.",
    202: "Taken; it will be done.",
    204: "Done; there is nothing to say.",
    207: "Each item has its own result.",
}


def document_of(
    operations: Sequence[Operation], *, version: str, public_url: str | None = None
) -> Json:
    """Describe these operations. ``version`` is that of Kairos."""
    shown = [one for one in operations if not one.hidden]
    schemas, places = _schemas(shown)
    paths: Json = {}
    shared: Json = {}
    for operation in shown:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schemas, places, shared
        )
    for model in {one.query for one in shown if one.query}:
        schemas.pop(places[model, "validation"], None)
    tags = dict.fromkeys(one.tag for one in shown)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kairos",
            "version": version,
            "summary": "Callbacks at the right moment",
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url or "/"}],
        "tags": [{"name": name, "description": TAGS.get(name, name)} for name in tags],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": dict(sorted(shared.items())),
            "headers": HEADERS,
            "parameters": PARAMETERS,
            "securitySchemes": SECURITY,
            "examples": {one.slug: problem_example(one) for one in PROBLEM_TYPES.values()},
        },
    }


def _schemas(
    operations: Iterable[Operation],
) -> tuple[Json, dict[tuple[type[BaseModel], _Mode], str]]:
    """Return every schema by its name, and the name of each model's."""
    wanted: dict[tuple[type[BaseModel], _Mode], None] = {(ProblemOut, "serialization"): None}
    for one in operations:
        sent = (model for model in (one.body, one.query) if model is not None)
        wanted |= dict.fromkeys((model, "validation") for model in sent)
        told = (model for model in one.answers.values() if model is not None)
        wanted |= dict.fromkeys((model, "serialization") for model in told)
    refs, definitions = models_json_schema(list(wanted), ref_template=_REF)
    names = {key: refs[key]["$ref"].rpartition("/")[2] for key in wanted}
    schemas: Json = definitions.get("$defs", {})
    schemas["Problem"] = schemas.pop(names.pop((ProblemOut, "serialization")))
    _open(
        schemas,
        {"Problem"} | {name for (_, mode), name in names.items() if mode == "serialization"},
    )
    return schemas, names


def _open(schemas: Json, roots: set[str]) -> None:
    """Let answers have members that a client does not know yet: those are no breach."""
    seen: set[str] = set()
    left = list(roots)
    while left:
        name = left.pop()
        if name in seen or name not in schemas:
            continue
        seen.add(name)
        if schemas[name].get("additionalProperties") is False:
            del schemas[name]["additionalProperties"]
        left.extend(_refs(schemas[name]))


def _refs(value: Any) -> Iterator[str]:  # noqa: ANN401 -- JSON
    if isinstance(value, dict):
        if isinstance(ref := value.get("$ref"), str):
            yield ref.rpartition("/")[2]
        for one in value.values():
            yield from _refs(one)
    elif isinstance(value, list):
        for one in value:
            yield from _refs(one)


def _operation(
    operation: Operation,
    schemas: Json,
    names: Mapping[tuple[type[BaseModel], _Mode], str],
    shared: Json,
) -> Json:
    told: Json = {
        "operationId": operation.operation_id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _description(operation),
        "security": [] if operation.scope is None else [{"key": []}],
        "parameters": [
            *_path_parameters(operation),
            *_query_parameters(operation, schemas, names),
            *_header_parameters(operation),
        ],
        "responses": _responses(operation, names, shared),
    }
    if operation.body is not None:
        content: Json = {"schema": {"$ref": _REF.format(model=names[operation.body, "validation"])}}
        if "body" in operation.examples:
            content["examples"] = {"example": {"value": operation.examples["body"]}}
        told["requestBody"] = {
            "required": not operation.optional_body,
            "description": f"At most {operation.body_bytes} bytes.",
            "content": {"application/json": content},
        }
    return told


def _description(operation: Operation) -> str:
    scope = (
        "Needs no key."
        if operation.scope is None
        else f"Needs a key with the scope `{operation.scope}`."
    )
    return "\n\n".join(filter(None, (operation.description, scope)))


def _path_parameters(operation: Operation) -> Iterator[Json]:
    for name, value in operation.path_values.items():
        told: Json = {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{value.pattern}$"},
        }
        if value.description:
            told["description"] = value.description
        if value.example:
            told["example"] = value.example
        yield told


def _query_parameters(
    operation: Operation,
    schemas: Json,
    names: Mapping[tuple[type[BaseModel], _Mode], str],
) -> Iterator[Json]:
    if operation.query is None:
        return
    schema = schemas[names[operation.query, "validation"]]
    for name, field in schema.get("properties", {}).items():
        inner = {key: value for key, value in field.items() if key not in {"title", "description"}}
        told: Json = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _without_null(inner),
        }
        if field.get("description"):
            told["description"] = field["description"]
        yield told


def _without_null(schema: Json) -> Json:
    """A parameter that is not given is left out: there is no null behind a question mark."""
    choices = schema.get("anyOf")
    if choices is None:
        return schema
    real = [one for one in choices if one != {"type": "null"}]
    if schema.get("default", 0) is None:
        schema = {key: value for key, value in schema.items() if key != "default"}
    if len(real) > 1:
        return {**schema, "anyOf": real}
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **real[0]}


def _header_parameters(operation: Operation) -> Iterator[Json]:
    if operation.idempotent:
        yield {"$ref": "#/components/parameters/IdempotencyKey"}
    if operation.conditional:
        yield {"$ref": "#/components/parameters/IfMatch"}
    if operation.etag and operation.method == "GET":
        yield {"$ref": "#/components/parameters/IfNoneMatch"}


def _responses(
    operation: Operation, names: Mapping[tuple[type[BaseModel], _Mode], str], shared: Json
) -> Json:
    told = _answers(operation, names)
    for status, problem in problems_of(operation, shared).items():
        if status in told:
            whole = shared[problem["$ref"].rpartition("/")[2]]
            told[status]["content"] = {**told[status].get("content", {}), **whole["content"]}
            told[status]["headers"] = {**told[status]["headers"], **whole["headers"]}
        else:
            told[status] = problem
    return dict(sorted(told.items()))


def _answers(operation: Operation, names: Mapping[tuple[type[BaseModel], _Mode], str]) -> Json:
    told: Json = {}
    for status, model in operation.answers.items():
        more = [
            *(["ETag"] if operation.etag else []),
            *(["Location"] if status == _CREATED else []),
            *(["Link"] if model is not None and "next" in model.model_fields else []),
            *(["Idempotent-Replayed"] if operation.idempotent else []),
        ]
        answer: Json = {
            "description": _MEANINGS.get(status, "As asked."),
            "headers": {
                **headers_of(operation, *more),
                **{
                    name: {"description": text, "schema": {"type": "string"}}
                    for name, text in operation.headers.items()
                },
            },
        }
        if model is not None:
            ref = {"$ref": _REF.format(model=names[model, "serialization"])}
            content: Json = {"schema": ref}
            if status in operation.examples:
                content["examples"] = {"example": {"value": operation.examples[status]}}
            answer["content"] = {"application/json": content}
        elif status != _NO_CONTENT:
            kind = "object" if operation.media == "application/json" else "string"
            answer["content"] = {operation.media: {"schema": {"type": kind}}}
        told[str(status)] = answer
    if operation.etag and operation.method == "GET":
        description = "It is as it was when its ETag was read."
        told["304"] = {"description": description, "headers": headers_of(operation, "ETag")}
    return told
