"""The documentation in a browser: made from the API document, without scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from aiohttp import web

from gateway.web.api.call import Call
from gateway.web.api.html import Html, el, inline, page, prose, raw
from gateway.web.api.openapi_problems import example_of
from gateway.web.api.operation import Operation, PathValue
from gateway.web.api.own import DOCUMENT
from gateway.web.api.page_parts import answers, curl, fields_of, parameters, problems, resolved
from gateway.web.api.problem import Refusal
from gateway.web.api.problem_types import MISSING, PROBLEM_TYPES, ProblemType

__all__ = ["PAGES", "docs_page", "problem_page"]

Json = dict[str, Any]
_CSP: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def docs_page(document: Json, base: str) -> str:
    """Show the whole document. ``base`` begins every address in the examples."""
    tags = {one["name"]: one["description"] for one in document["tags"]}
    by_tag: dict[str, list[Html]] = {name: [] for name in tags}
    links: dict[str, list[Html]] = {name: [] for name in tags}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            tag = told["tags"][0]
            by_tag[tag].append(_operation(document, path, method, told, base))
            links[tag].append(el("li", el("a", told["summary"], href=f"#{told['operationId']}")))
    chapters = (
        raw(el("h2", name, id=_anchor(name)), prose(tags[name]), *sections)
        for name, sections in by_tag.items()
    )
    info = document["info"]
    return page(
        f"{info['title']} API",
        _nav(links),
        el(
            "main",
            el("h1", f"{info['title']} API"),
            el(
                "p",
                f"Version {info['version']}. For programs: ",
                el("a", "/openapi.json", href="/openapi.json"),
                " (OpenAPI 3.1).",
                class_="dim",
            ),
            prose(info["description"]),
            *chapters,
            el("h2", "Problems", id="problems"),
            prose("What can go wrong, each with a page that says what to do."),
            _problem_list(PROBLEM_TYPES.values()),
        ),
    )


def _nav(links: dict[str, list[Html]]) -> Html:
    chapters = (
        raw(el("h2", el("a", name, href=f"#{_anchor(name)}")), el("ul", *items))
        for name, items in links.items()
    )
    return el("nav", *chapters, el("h2", el("a", "Problems", href="#problems")))


def _anchor(name: str) -> str:
    return "tag-" + name.lower().replace(" ", "-")


def _operation(document: Json, path: str, method: str, told: Json, base: str) -> Html:
    return el(
        "section",
        el("h3", told["summary"]),
        el(
            "p",
            el("span", method.upper(), class_=f"method {method}"),
            f" {path}",
            class_="route",
        ),
        prose(told["description"]),
        parameters(document, told),
        _body(document, told),
        el("h4", "Example"),
        el("pre", el("code", curl(path, method, told, base))),
        el("h4", "Answers"),
        answers(document, told),
        problems(document, told),
        id=told["operationId"],
    )


def _body(document: Json, told: Json) -> Html:
    body = told.get("requestBody")
    if body is None:
        return Html("")
    schema = body["content"]["application/json"]["schema"]
    need = "" if body["required"] else " (may be left out)"
    return raw(el("h4", f"Body{need}"), fields_of(document, schema))


def _problem_list(kinds: Iterable[ProblemType]) -> Html:
    rows = (
        el(
            "tr",
            el("td", str(kind.status)),
            el("td", el("a", kind.title, href=kind.uri)),
            el("td", inline(kind.meaning)),
        )
        for kind in kinds
    )
    return el("div", el("table", *rows), class_="table")


def problem_page(kind: ProblemType, document: Json) -> str:
    """Explain one kind of problem."""
    refs = f"#/components/examples/{kind.slug}"
    where = [
        el("li", el("a", f"{method.upper()} {path}", href=f"/docs#{told['operationId']}"))
        for path, methods in document["paths"].items()
        for method, told in methods.items()
        if refs in json.dumps(resolved(document, told["responses"].get(str(kind.status), {})))
    ]
    example = json.dumps(example_of(kind).as_json("5f0c6e0b1f2a4d3c"), indent=2, ensure_ascii=False)
    return page(
        f"{kind.title} - Kairos API",
        el("nav", el("a", "The whole API", href="/docs"), _others(kind)),
        el(
            "main",
            el("h1", kind.title),
            el("p", f"HTTP {kind.status}, type ", el("code", kind.uri), class_="dim"),
            prose(kind.meaning),
            el("h4", "What to do"),
            prose(kind.remedy),
            el("h4", "Looks like"),
            el("pre", el("code", example)),
            el(
                "details",
                el("summary", f"Operations that may answer it ({len(where)})"),
                el("ul", *where),
            ),
        ),
    )


def _others(kind: ProblemType) -> Html:
    items = (
        el("li", el("a", f"{one.status} {one.slug}", href=one.uri))
        for one in PROBLEM_TYPES.values()
        if one is not kind
    )
    return raw(el("h2", "Other problems"), el("ul", *items))


@lru_cache(maxsize=4)
def _docs(document: bytes) -> bytes:
    data = json.loads(document)
    base = data["servers"][0]["url"].rstrip("/") or "http://127.0.0.1:8080"
    return docs_page(data, base).encode()


async def _show(call: Call) -> web.StreamResponse:
    return _html(_docs(call.request.app[DOCUMENT]))


async def _problem(call: Call) -> web.StreamResponse:
    kind = PROBLEM_TYPES.get(call.path["slug"])
    if kind is None:
        raise Refusal(MISSING, "there is no such kind of problem; /docs lists them all")
    return _html(problem_page(kind, json.loads(call.request.app[DOCUMENT])).encode())


async def _style(_call: Call) -> web.StreamResponse:
    return web.Response(
        body=_css(), content_type="text/css", headers={"Cache-Control": "max-age=3600"}
    )


@lru_cache(maxsize=1)
def _css() -> bytes:
    return files("gateway.web.api").joinpath("style.css").read_bytes()


def _html(body: bytes) -> web.Response:
    headers = {"Content-Security-Policy": _CSP, "Cache-Control": "no-cache"}
    return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)


def _page(path: str, operation_id: str, summary: str, **more: Any) -> Operation:
    return Operation(
        method="GET",
        path=path,
        operation_id=operation_id,
        tag="Service",
        summary=summary,
        scope=None,
        answers={200: None},
        hidden=True,
        **more,
    )


PAGES: Final = (
    _page("/docs", "docs", "The documentation", handler=_show),
    _page("/docs/style.css", "docsStyle", "How it looks", handler=_style),
    _page(
        "/docs/problems/{slug}",
        "docsProblem",
        "One kind of problem",
        paths={"slug": PathValue(pattern=r"[a-z0-9-]{1,60}")},
        handler=_problem,
    ),
)
"""The pages."""
