"""Callback requests and their answers as JSON: one form for every way in over HTTP.

Unknown keys are refused, so that a misspelt one is not silently without effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.app.intake import CallbackRequest
from gateway.domain.change import Added
from gateway.domain.errors import BadInput
from gateway.domain.model import PreferredWindow

__all__ = ["answer_from_json", "answer_to_json", "request_from_json", "request_to_json"]

_TEXTS: Final = ("name", "queue", "reason", "source")
_MAYBE_TEXTS: Final = (
    "zone",
    "country",
    "subdivision",
    "language",
    "industry",
    "segment",
    "idempotency_key",
)
_INSTANTS: Final = ("requested_at", "deadline")
_OTHERS: Final = ("numbers", "preferred", "worth")
_KNOWN: Final = frozenset((*_TEXTS, *_MAYBE_TEXTS, *_INSTANTS, *_OTHERS))
_MOST_NUMBERS: Final = 10
_MOST_WINDOWS: Final = 50
_LONGEST: Final = 500
_DAYS: Final = range(7)
_MINUTES: Final = 24 * 60


def request_to_json(request: CallbackRequest) -> dict[str, Any]:
    """Write a request down; what is not set is left out."""
    data: dict[str, Any] = {"numbers": list(request.numbers), "worth": request.worth}
    for name in (*_TEXTS, *_MAYBE_TEXTS):
        if value := getattr(request, name):
            data[name] = value
    for name in _INSTANTS:
        if value := getattr(request, name):
            data[name] = value.isoformat()
    if request.preferred:
        data["preferred"] = [
            {
                "weekdays": sorted(window.weekdays),
                "start_minute": window.start_minute,
                "end_minute": window.end_minute,
            }
            for window in request.preferred
        ]
    return data


def request_from_json(data: object) -> CallbackRequest:
    """Read a request; raises BadInput for whatever does not have the right form."""
    if not isinstance(data, dict):
        raise BadInput("callback", "must be an object with keys")
    unknown = sorted(str(key) for key in data.keys() - _KNOWN)
    if unknown:
        raise BadInput(unknown[0][:40], "unknown key", remedy=f"known: {', '.join(sorted(_KNOWN))}")
    texts = {name: _text(name, data[name]) for name in _TEXTS if data.get(name) is not None}
    maybes = {name: _text(name, data[name]) for name in _MAYBE_TEXTS if data.get(name) is not None}
    instants = {
        name: _instant(name, data[name]) for name in _INSTANTS if data.get(name) is not None
    }
    return CallbackRequest(
        numbers=_numbers(data.get("numbers")),
        preferred=_windows(data.get("preferred")),
        worth=_worth(data.get("worth", 1.0)),
        **{**texts, **maybes, **instants},  # type: ignore[arg-type]
    )


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise BadInput(name, f"must be text of at most {_LONGEST} characters")
    return value


def _instant(name: str, value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(name, value))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise BadInput(name, "must be an instant", remedy="write it like 2026-01-31T17:00:00+02:00")
    return instant


def _numbers(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST_NUMBERS:
        raise BadInput("numbers", f"must be a list of at most {_MOST_NUMBERS} telephone numbers")
    return tuple(_text("numbers", one) for one in value)


def _worth(value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= float(str(value)) <= 1e12:  # noqa: PLR2004 -- also refuses NaN
        raise BadInput("worth", "must be a number that is not negative")
    return float(str(value))


def _windows(value: object) -> tuple[PreferredWindow, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MOST_WINDOWS:
        raise BadInput("preferred", f"must be a list of at most {_MOST_WINDOWS} windows")
    return tuple(_window(one) for one in value)


def _window(value: object) -> PreferredWindow:
    match value:
        case {
            "weekdays": [*days],
            "start_minute": int(start),
            "end_minute": int(end),
        } if all(isinstance(day, int) and day in _DAYS for day in days) and days:
            if 0 <= start < end <= _MINUTES:
                weekdays = frozenset(day for day in days if isinstance(day, int))
                return PreferredWindow(weekdays=weekdays, start_minute=start, end_minute=end)
    remedy = "like {'weekdays': [0, 1], 'start_minute': 540, 'end_minute': 720}"
    raise BadInput("preferred", "has a window that cannot be read", remedy=remedy)


def answer_to_json(answer: Added | BadInput) -> dict[str, Any]:
    """Write an answer down."""
    if isinstance(answer, Added):
        return {"callback_id": answer.callback_id, "merged": answer.merged}
    return {
        "error": {
            "field": answer.field,
            "problem": answer.problem,
            "value": answer.value,
            "remedy": answer.remedy,
        }
    }


def answer_from_json(data: Mapping[str, Any]) -> Added | BadInput:
    """Read an answer; raises KeyError where it is none."""
    if (error := data.get("error")) is not None:
        return BadInput(
            error["field"], error["problem"], value=error["value"], remedy=error["remedy"]
        )
    return Added(callback_id=data["callback_id"], merged=data["merged"])


def answers_from_json(data: object, expected: int) -> Sequence[Added | BadInput]:
    """Read the answers to a batch; raises ValueError where they do not fit it."""
    match data:
        case {"results": [*results]} if len(results) == expected:
            try:
                return [answer_from_json(one) for one in results]
            except (KeyError, TypeError, AttributeError):
                pass
    raise ValueError("the answer does not fit the question")
