"""The kinds of problems the API answers, as a table: what each means and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "ALREADY_THERE",
    "ANY",
    "BAD_HTTP",
    "BAD_JSON",
    "BODY_TOO_LARGE",
    "CONFLICT",
    "EXPECTATION",
    "FORBIDDEN",
    "IDEMPOTENCY_IN_PROGRESS",
    "IDEMPOTENCY_REUSED",
    "INTERNAL",
    "INVALID_INPUT",
    "KEY_NEEDED",
    "MEDIA_TYPE",
    "METHOD",
    "MISSING",
    "NOT_NOW",
    "PRECONDITION_FAILED",
    "PRECONDITION_REQUIRED",
    "PROBLEM_TYPES",
    "RATE_LIMITED",
    "REQUEST_TIMEOUT",
    "SLOW",
    "UNAVAILABLE",
    "UNEXPECTED_BODY",
    "ProblemType",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemType:
    """One kind of problem; ``remedy`` says what the caller does about it."""

    slug: str
    status: int
    title: str
    meaning: str
    remedy: str

    @property
    def uri(self) -> str:
        """The stable name of this kind, and the address of its page."""
        return f"/docs/problems/{self.slug}"


PROBLEM_TYPES: Final[dict[str, ProblemType]] = {}
"""Every kind, by its slug."""


def _kind(status: int, slug: str, title: str, meaning: str, remedy: str) -> ProblemType:
    kind = ProblemType(slug=slug, status=status, title=title, meaning=meaning, remedy=remedy)
    PROBLEM_TYPES[slug] = kind
    return kind


BAD_HTTP: Final = _kind(
    400,
    "bad-http",
    "This is no HTTP request",
    "The request line or a header cannot be read, or is too long.",
    "Send HTTP/1.1 with a request line and headers of at most 8 kB each, 100 at most. "
    "If you meant HTTPS, check the scheme of the address.",
)
BAD_JSON: Final = _kind(
    400,
    "bad-json",
    "The body is no JSON",
    "The body of the request cannot be read as JSON in UTF-8.",
    "Send one JSON object; the detail says at which line and column reading stopped.",
)
UNEXPECTED_BODY: Final = _kind(
    400,
    "unexpected-body",
    "This operation takes no body",
    "A body was sent where none is looked at.",
    "Send no body, and no Content-Type.",
)
KEY_NEEDED: Final = _kind(
    401,
    "key-not-valid",
    "A valid API key is needed",
    "No API key was given, or it is unknown, expired or revoked.",
    "Send `Authorization: Bearer kai_...`. `kairos keys create` makes a key on the machine "
    "where Kairos runs; `kairos keys` lists which are valid.",
)
FORBIDDEN: Final = _kind(
    403,
    "scope-too-small",
    "This API key may not do this",
    "The key is valid, but its scope does not include this operation.",
    "Use a key with the scope named in the detail: read, write or admin, each including those "
    "before it.",
)
MISSING: Final = _kind(
    404,
    "not-found",
    "There is no such thing",
    "Nothing is known under this address.",
    "Check the path and the id in it; ids are case-sensitive.",
)
METHOD: Final = _kind(
    405,
    "method-not-allowed",
    "This cannot be done with this address",
    "The address is known, but not with this method.",
    "The header Allow says which methods it takes.",
)
REQUEST_TIMEOUT: Final = _kind(
    408,
    "request-timeout",
    "The request did not come in time",
    "The body of the request was not complete within the time for it.",
    "Send it again, faster; the connection was closed.",
)
NOT_NOW: Final = _kind(
    409,
    "not-now",
    "This cannot be done in its present state",
    "The request is right as such, but not at this moment: the detail says why.",
    "Do what the detail says; often: wait for the call under way to end.",
)
CONFLICT: Final = _kind(
    409,
    "conflict",
    "Somebody else was faster",
    "It was changed by somebody else at the same moment.",
    "Read it again and repeat the change.",
)
ALREADY_THERE: Final = _kind(
    409,
    "already-there",
    "This is there already",
    "Something of this name or id exists already.",
    "Use the one that exists, or choose another name.",
)
IDEMPOTENCY_IN_PROGRESS: Final = _kind(
    409,
    "idempotency-in-progress",
    "The first request with this Idempotency-Key is not done yet",
    "Another request with the same Idempotency-Key is being worked on.",
    "Wait a second and send it again with the same key.",
)
PRECONDITION_FAILED: Final = _kind(
    412,
    "version-differs",
    "It was changed since you read it",
    "The ETag in If-Match is not that of the present version.",
    "Read it again, look at what changed, and send the change with the new ETag.",
)
BODY_TOO_LARGE: Final = _kind(
    413,
    "body-too-large",
    "The body is too large",
    "The body is larger than this operation takes.",
    "Send less at once; the detail names the limit in bytes.",
)
MEDIA_TYPE: Final = _kind(
    415,
    "media-type",
    "The body must be JSON",
    "The Content-Type or Content-Encoding of the body is not one this operation takes.",
    "Send `Content-Type: application/json`, not compressed.",
)
EXPECTATION: Final = _kind(
    417,
    "expectation-failed",
    "This expectation is not known",
    "The header Expect holds something other than 100-continue.",
    "Leave the header Expect out.",
)
INVALID_INPUT: Final = _kind(
    422,
    "invalid-input",
    "What was sent cannot be used",
    "One or more fields or parameters are missing, unknown, or have a value that is not possible.",
    "`errors` names each of them, what is wrong with it and how to mend it.",
)
IDEMPOTENCY_REUSED: Final = _kind(
    422,
    "idempotency-key-reused",
    "This Idempotency-Key was used for another request",
    "A request with the same Idempotency-Key but other content was answered within the last day.",
    "Use a fresh key (a UUID) for every new request, and the same one only to repeat it.",
)
PRECONDITION_REQUIRED: Final = _kind(
    428,
    "if-match-needed",
    "Say which version you change",
    "This operation needs the header If-Match, so that no change of somebody else is lost.",
    "Read it, and send the ETag of the answer as If-Match; `If-Match: *` changes any version.",
)
RATE_LIMITED: Final = _kind(
    429,
    "rate-limited",
    "Too many requests",
    "This key sent more requests than its rate limit allows, or this address too many wrong keys.",
    "Wait as long as Retry-After says (seconds); RateLimit and RateLimit-Policy tell how much is "
    "left.",
)
INTERNAL: Final = _kind(
    500,
    "internal",
    "Something unexpected happened",
    "This is a defect of Kairos; the log has it under the request id.",
    "Look for the request id in the log, and report it. The request may be sent again.",
)
UNAVAILABLE: Final = _kind(
    503,
    "unavailable",
    "The database cannot be used just now",
    "The database is down, slow or full; nothing was changed.",
    "Send the request again after Retry-After seconds. `kairos check` tells what is wrong.",
)
SLOW: Final = _kind(
    504,
    "took-too-long",
    "It took too long",
    "The answer was not there in time; whether the request was carried out is not known.",
    "Send it again with the same Idempotency-Key: it is not done twice.",
)

ANY: Final = (BAD_HTTP, EXPECTATION, METHOD, REQUEST_TIMEOUT, INTERNAL, UNAVAILABLE, SLOW)
"""What any operation may answer."""
