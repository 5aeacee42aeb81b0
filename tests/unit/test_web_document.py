"""The API document and its pages: true to what is served, readable without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
import schemathesis
from schemathesis.core.result import Ok

from gateway.web.api.html import el, inline, prose
from gateway.web.api.openapi import document_of
from gateway.web.api.operation import Operation
from gateway.web.api.own import OWN
from gateway.web.api.problem_types import PROBLEM_TYPES
from gateway.web.api.resources import OPERATIONS
from tests.support.api import ApiRig, api_rig
from tests.support.api_operations import TRYOUT

ALL = (*OPERATIONS, *OWN)
SHOWN = [one for one in ALL if not one.hidden]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return document_of(ALL, version="1.2.3")


@pytest.fixture
async def api() -> AsyncIterator[ApiRig]:
    async with api_rig() as rig:
        yield rig


def test_the_document_is_valid_and_every_operation_is_in_it(document: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(document)
    schema.validate()
    found = {
        one.ok().definition.raw["operationId"]
        for one in schema.get_all_operations()
        if isinstance(one, Ok)
    }
    assert found == {one.operation_id for one in SHOWN}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for ref in _refs(document):
        place: Any = document
        for part in ref.removeprefix("#/").split("/"):
            assert part in place, ref
            place = place[part]


def _refs(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(ref := value.get("$ref"), str):
            yield ref
        for one in value.values():
            yield from _refs(one)
    elif isinstance(value, list):
        for one in value:
            yield from _refs(one)


@pytest.mark.parametrize("operation", SHOWN, ids=lambda one: str(one.operation_id))
def test_every_operation_says_what_it_does_and_its_examples_fit(operation: Operation) -> None:
    assert operation.summary
    assert not operation.summary.endswith(".")
    assert re.fullmatch(r"[a-z][A-Za-z]+", operation.operation_id)
    for place, example in operation.examples.items():
        model = operation.body if place == "body" else operation.answers[int(place)]
        assert model is not None
        if place == "body":
            model.model_validate_json(json.dumps(example), strict=True)
        else:
            model.model_validate_json(json.dumps(example))


def test_answers_may_get_new_members_and_requests_may_not(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["NewCallback"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["Callback"]
    assert "additionalProperties" not in schemas["Problem"]


def test_every_kind_of_problem_says_what_to_do() -> None:
    for kind in PROBLEM_TYPES.values():
        assert kind.meaning.endswith(".")
        assert kind.remedy.endswith(".")
        assert kind.uri == f"/docs/problems/{kind.slug}"


async def test_the_document_is_served_and_known_again(api: ApiRig) -> None:
    async with api.client.get("/openapi.json") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert (await answer.json())["openapi"] == "3.1.0"
    tag = {"If-None-Match": answer.headers["ETag"]}
    async with api.client.get("/openapi.json", headers=tag) as answer:
        assert answer.status == 304


async def test_the_front_leads_to_the_documentation(api: ApiRig) -> None:
    async with api.client.get("/") as answer:
        assert str(answer.url.path) == "/docs"
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "script" not in policy
    assert "default-src 'none'" in policy
    page = Page(text)
    assert page.is_balanced
    assert not page.found & {"script", "iframe", "img", "object", "form"}
    assert all(one.startswith(("/", "#")) for one in page.links)
    assert {one.operation_id for one in (*SHOWN, *TRYOUT)} <= page.ids
    assert "default ;" not in text
    assert "&lt;b&gt;which&lt;/b&gt; thing" in text
    inside = {one.removeprefix("#") for one in page.links if one.startswith("#")}
    assert inside <= page.ids
    for slug in {one for one in page.links if one.startswith("/docs/")}:
        async with api.client.get(slug) as answer:
            assert answer.status == 200, slug


@pytest.mark.parametrize("slug", PROBLEM_TYPES)
async def test_the_type_of_a_problem_is_the_address_of_its_page(api: ApiRig, slug: str) -> None:
    async with api.client.get(PROBLEM_TYPES[slug].uri) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        text = await answer.text()
    assert Page(text).is_balanced
    assert "Operations that may answer it (0)" not in text or slug == "already-there"


async def test_an_unknown_kind_of_problem_is_not_found(api: ApiRig) -> None:
    async with api.client.get("/docs/problems/nonsense") as answer:
        assert answer.status == 404


def test_text_is_never_taken_for_html() -> None:
    assert el("p", "<a>", class_='"x"') == '<p class="&quot;x&quot;">&lt;a&gt;</p>'
    assert inline("a `<b>` **c**") == "a <code>&lt;b&gt;</code> <strong>c</strong>"
    assert prose("a\n\n<b>") == "<p>a</p><p>&lt;b&gt;</p>"


class Page(HTMLParser):
    """What is in a page, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.is_balanced = True
        self._open: list[str] = []
        self.feed(text)
        self.is_balanced &= not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found.add(tag)
        self.ids.add(given.get("id") or "")
        if "href" in given:
            self.links.add(given["href"] or "")
        if tag not in {"meta", "link", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.is_balanced &= bool(self._open) and self._open.pop() == tag
