"""ETags: strong tags of a version, for reading only what is new and changing only what was read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.web.api.problem import FieldError, Refusal
from gateway.web.api.problem_types import (
    INVALID_INPUT,
    PRECONDITION_FAILED,
    PRECONDITION_REQUIRED,
)

__all__ = ["etag_of", "none_matches", "wanted_version"]

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)')
_OURS = re.compile(r"v([1-9][0-9]{0,17})")


def etag_of(version: int | str) -> str:
    """Return the strong entity tag of a version."""
    return f'"v{version}"' if isinstance(version, int) else f'"{version}"'


def _tags(headers: Sequence[str]) -> list[tuple[bool, str]]:
    """Read a list of tags as (weak, tag); what cannot be read ends the list."""
    text = ",".join(headers)
    found: list[tuple[bool, str]] = []
    place = 0
    while one := _TAG.match(text, place):
        found.append((one[1] is not None, one[2]))
        place = one.end()
    return found if place == len(text) else []


def none_matches(headers: Sequence[str], etag: str) -> bool:
    """Tell whether If-None-Match lets a read through: no tag is that of ``etag``, or no header."""
    if not headers:
        return True
    if any(one.strip() == "*" for one in headers):
        return False
    return all(f'"{tag}"' != etag for _, tag in _tags(headers))


def wanted_version(headers: Sequence[str], *, required: bool) -> int | None:
    """Return the version named by If-Match; None where any will do (``*``, or no header).

    Raises Refusal: missing where ``required`` (428), more than one tag (422), or a tag that can
    never be ours (412).
    """
    if not headers:
        if required:
            raise Refusal(PRECONDITION_REQUIRED)
        return None
    if [one.strip() for one in headers] == ["*"]:
        return None
    tags = _tags(headers)
    if len(tags) > 1:
        error = FieldError(parameter="If-Match", detail="names several versions", hint="give one")
        raise Refusal(INVALID_INPUT, "If-Match names several versions", errors=(error,))
    # A weak tag never matches here (RFC 9110, 13.1.1).
    ours = None if not tags or tags[0][0] else _OURS.fullmatch(tags[0][1])
    if ours is None:
        raise Refusal(PRECONDITION_FAILED)
    return int(ours[1])
