"""Parts of the documentation's pages: tables of fields, examples, answers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from typing import Any, Final

from gateway.web.api.html import Html, el, inline, prose, raw
from gateway.web.api.problem import PROBLEM_MEDIA

__all__ = ["answers", "curl", "fields_of", "parameters", "problems", "resolved"]

Json = dict[str, Any]
_DEEPEST: Final = 4
_FIRST_REFUSAL: Final = 400


def parameters(document: Json, told: Json) -> Html:
    """Show what goes into the path, behind the question mark and into headers."""
    found = [resolved(document, one) for one in told["parameters"]]
    if not found:
        return Html("")
    rows = (
        el(
            "tr",
            el("td", el("code", one["name"]), _need(required=one["required"])),
            el("td", f"{one['in']}, {type_of(document, one['schema'])}"),
            el("td", prose(one.get("description", ""))),
        )
        for one in found
    )
    return raw(el("h4", "Parameters"), _table(("Name", "Where", "Meaning"), rows))


def fields_of(document: Json, schema: Json) -> Html:
    """Show the fields of an object and of those in it."""
    rows = (
        el(
            "tr",
            el("td", el("code", name), _need(required=required)),
            el("td", type_of(document, field)),
            el("td", prose(field.get("description", "")), _bounds(field)),
        )
        for name, field, required in _fields(document, schema, "", _DEEPEST)
    )
    return _table(("Field", "Type", "Meaning"), rows)


def _fields(
    document: Json, schema: Json, prefix: str, deep: int
) -> Iterator[tuple[str, Json, bool]]:
    schema = resolved(document, schema)
    for name, field in schema.get("properties", {}).items():
        yield prefix + name, field, name in schema.get("required", ())
        inner, mark = _inner(document, field)
        if inner is not None and deep:
            yield from _fields(document, inner, f"{prefix}{name}{mark}.", deep - 1)


def _inner(document: Json, field: Json) -> tuple[Json | None, str]:
    for one in (field, *field.get("anyOf", ())):
        found = resolved(document, one)
        if "properties" in found:
            return found, ""
        item = resolved(document, found.get("items") or {})
        if "properties" in item:
            return item, "[]"
    return None, ""


def resolved(document: Json, value: Json) -> Json:
    """Follow a reference."""
    ref = value.get("$ref")
    if ref is None:
        return value
    found: Any = document
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return {**found, **{key: one for key, one in value.items() if key != "$ref"}}


def type_of(document: Json, schema: Json) -> str:
    """Say in a word what a value is."""
    schema = resolved(document, schema)
    if "enum" in schema:
        return "one of " + ", ".join(str(one) for one in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(document, one) for one in schema["anyOf"]))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {type_of(document, schema.get('items', {}))}"
    return {"date-time": "instant", "uri": "address"}.get(schema.get("format", ""), str(kind))


def _need(*, required: bool) -> Html:
    return raw(" ", el("span", "needed", class_="dim")) if required else Html("")


def _bounds(field: Json) -> Html:
    names = {
        "default": "default",
        "minimum": "at least",
        "maximum": "at most",
        "maxLength": "characters at most",
        "maxItems": "items at most",
    }
    told = [
        f"{text} {field[key]!s}"
        for key, text in names.items()
        if field.get(key) not in (None, "", [], {})
    ]
    return el("span", "; ".join(told), class_="dim") if told else Html("")


def curl(path: str, method: str, told: Json, base: str) -> str:
    """Write the request as a command."""
    for one in told["parameters"]:
        if one.get("in") == "path":
            path = path.replace(f"{{{one['name']}}}", str(one.get("example", one["name"].upper())))
    parts = [f"curl {base}{path}"]
    if method != "get":
        parts[0] = f"curl -X {method.upper()} {base}{path}"
    if told["security"]:
        parts.append('-H "Authorization: Bearer $KAIROS_KEY"')
    for one in told["parameters"]:
        name = one.get("$ref", "").rpartition("/")[2]
        if name == "IdempotencyKey":
            parts.append('-H "Idempotency-Key: $(uuidgen)"')
        if name == "IfMatch":
            parts.append("-H 'If-Match: \"v3\"'")
    example = _example(told.get("requestBody", {}).get("content", {}).get("application/json", {}))
    if example is not None:
        parts.append("-H 'Content-Type: application/json'")
        parts.append("-d " + shlex.quote(json.dumps(example, ensure_ascii=False)))
    return " \\\n  ".join(parts)


def _example(content: Json) -> Any:  # noqa: ANN401 -- JSON
    return content.get("examples", {}).get("example", {}).get("value")


def answers(document: Json, told: Json) -> Html:
    """Show what comes back when all is well."""
    shown: list[Html] = []
    for status, ref in told["responses"].items():
        answer = resolved(document, ref)
        content = {
            media: one for media, one in answer.get("content", {}).items() if media != PROBLEM_MEDIA
        }
        if int(status) >= _FIRST_REFUSAL and not content:
            continue
        shown.append(el("p", el("strong", status), f" {answer['description']}"))
        for media, one in content.items():
            shown.append(_content(document, media, one))
    return raw(*shown)


def _content(document: Json, media: str, content: Json) -> Html:
    example = _example(content)
    parts: list[Html] = []
    if example is not None:
        text = json.dumps(example, indent=2, ensure_ascii=False)
        parts.append(el("pre", el("code", text)))
    if "$ref" in content["schema"]:
        table = fields_of(document, content["schema"])
        parts.append(el("details", el("summary", "Every field"), table))
    elif not parts:
        parts.append(el("p", el("code", media)))
    return raw(*parts)


def problems(document: Json, told: Json) -> Html:
    """Name the problems that may be answered, each with a link to its page."""
    items: list[Html] = []
    for status, answer in told["responses"].items():
        content = resolved(document, answer).get("content", {})
        examples = content.get(PROBLEM_MEDIA, {}).get("examples", {})
        items += [
            el("li", f"{status} ", el("a", slug, href=f"/docs/problems/{slug}"))
            for slug in examples
        ]
    return el("details", el("summary", f"Problems ({len(items)})"), el("ul", *items))


def _table(heads: Iterable[str], rows: Iterable[Html]) -> Html:
    head = el("tr", *(el("th", inline(one)) for one in heads))
    return el("div", el("table", head, *rows), class_="table")
