"""What the API document says in words, and the parts that every operation shares."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["ABOUT", "HEADERS", "PARAMETERS", "SECURITY", "TAGS"]

ABOUT: Final = """\
Kairos takes requests to be called back, calls each person at the right moment through your
telephone system, and tells what became of it.

**Keys.** Send `Authorization: Bearer kai_...`. A key has one scope: `read`, `write` or `admin`,
each including those before it. The first start prints one; `kairos keys create` makes more.

**Errors** are problem details (RFC 9457, `application/problem+json`). `type` is stable and is the
address of a page that says what to do; `errors` names each field by a JSON pointer.

**Repeating.** Operations that take an `Idempotency-Key` answer a repetition with the first answer,
for a day. After a lost connection send the same request again with the same key.

**Versions.** What can be changed has an `ETag`. Send it as `If-Match`, and nobody's change is lost.

**Lists** have pages: pass `next` as `cursor`, or follow the `Link` header.

**Limits.** `RateLimit` tells what a key may still send, `Retry-After` how long to wait.

Answers may get new members at any time: ignore those that you do not know.
"""

TAGS: Final = {
    "Callbacks": "Requests to be called back, and their way until they are closed.",
    "Contacts": "The people who are called, and their numbers.",
    "Do not call": "Numbers that are never called.",
    "Events": "What contacts did elsewhere: a call to you, a visit, a mail that was opened.",
    "Queues": "Who answers, when, and how often is tried.",
    "Carriers": "The ways out: telephone systems and providers.",
    "Holds": "The brake: nothing is sent while one stands.",
    "Keys": "Who may use this API.",
    "Status": "Figures, and why nothing is being called.",
    "Webhooks": "Who is told what happens, as signed messages.",
    "Stream": "What happens, as it happens.",
    "Service": "How this service itself stands, for those who watch over it.",
}


def _header(description: str, example: str, kind: str = "string") -> dict[str, Any]:
    value: Any = int(example) if kind == "integer" else example
    return {"description": description, "schema": {"type": kind}, "example": value}


HEADERS: Final[dict[str, Any]] = {
    "X-Request-Id": _header("Names this request in the log.", "5f0c6e0b1f2a4d3c"),
    "RateLimit": _header(
        "What this key may still send now (`r` requests), and in how many seconds it may send a "
        "full burst again, or the next one when nothing is left (`t`).",
        '"key";r=99;t=1',
    ),
    "RateLimit-Policy": _header(
        "How many requests may come at once (`q`), and within how many seconds so many come back "
        "(`w`).",
        '"key";q=100;w=2',
    ),
    "Retry-After": _header("Seconds until it is worth trying again.", "2", "integer"),
    "ETag": _header("The version of what was answered.", '"v3"'),
    "Location": _header("Where what was made can be read.", "/v1/callbacks/cb01..."),
    "Link": _header(
        "Where the next page is, if there is one.",
        '</v1/callbacks?cursor=YzE6Y2Iw>; rel="next"',
    ),
    "Allow": _header("The methods this address takes.", "GET, HEAD, PATCH"),
    "WWW-Authenticate": _header("How to send a key.", 'Bearer realm="Kairos"'),
    "Idempotent-Replayed": _header(
        "`true`: this was answered before, and nothing was done now.", "true"
    ),
}

PARAMETERS: Final[dict[str, Any]] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "A name of your choice for this request, such as a UUID. The same request "
        "with the same key is carried out once and answered alike for a day.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "example": "9b2f6a52-8a0e-4ac1-9d0c-51d1a8f0f5a3",
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "required": True,
        "description": "The ETag of the version you read, or `*` for any.",
        "schema": {"type": "string"},
        "example": '"v3"',
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "The ETag of the version you have: 304 if there is no newer one.",
        "schema": {"type": "string"},
        "example": '"v3"',
    },
}

SECURITY: Final[dict[str, Any]] = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "kai_<id>_<secret>",
        "description": "An API key. The first start of Kairos prints one; "
        "`kairos keys create` makes more.",
    }
}
