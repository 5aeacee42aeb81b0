"""What the API refused, turned back into the errors it came from: a sentence and what to do."""

from __future__ import annotations

from typing import Any, Final

from gateway.domain.errors import (
    BadInput,
    Conflict,
    KairosError,
    NotFound,
    NotNow,
    StoreUnavailable,
)

__all__ = ["ControlError", "refusal"]

_KINDS: Final[dict[int, type[KairosError]]] = {
    404: NotFound,
    409: Conflict,
    412: Conflict,
    428: Conflict,
    503: StoreUnavailable,
}
_NOT_NOW: Final = "not-now"
_BAD: Final = (400, 422)


class ControlError(KairosError):
    """The running service did not do what was asked."""


def refusal(status: int, data: Any) -> KairosError:  # noqa: ANN401 -- whatever was answered
    """Read problem details (RFC 9457) and return the error to raise."""
    if not isinstance(data, dict):
        return ControlError(f"The running service refused ({status}); see its log.")
    detail = str(data.get("detail") or data.get("error") or data.get("title") or status)
    first = next((one for one in data.get("errors") or () if isinstance(one, dict)), {})
    hint = str(first.get("hint") or "")
    if str(data.get("type", "")).endswith(f"/{_NOT_NOW}"):
        return NotNow(detail, remedy=hint)
    if status in _BAD and first:
        field = str(first.get("pointer") or first.get("parameter") or "").strip("/")
        return BadInput(field or "request", str(first.get("detail") or detail), remedy=hint)
    if kind := _KINDS.get(status):
        return kind(detail)
    return ControlError(f"The running service refused: {detail.rstrip('.')}.")
