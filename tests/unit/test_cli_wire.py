"""Requests and answers cross the control socket unharmed, and odd ones are refused in words."""

from datetime import UTC, datetime

import pytest

from gateway.app.intake import CallbackRequest
from gateway.domain.change import Added
from gateway.domain.errors import BadInput
from gateway.domain.model import PreferredWindow
from gateway.web.wire import (
    answer_from_json,
    answer_to_json,
    answers_from_json,
    request_from_json,
    request_to_json,
)

FULL = CallbackRequest(
    numbers=("+442079460123", "020 7946 0124"),
    name="Ann",
    queue="support",
    reason="invoice",
    requested_at=datetime(2026, 3, 10, 7, tzinfo=UTC),
    deadline=datetime(2026, 3, 11, 7, tzinfo=UTC),
    zone="Europe/London",
    country="GB",
    subdivision="SCT",
    language="en",
    industry="it",
    segment="key",
    preferred=(PreferredWindow(weekdays=frozenset({0, 4}), start_minute=540, end_minute=720),),
    worth=12.5,
    source="file",
    idempotency_key="k1",
)


@pytest.mark.parametrize("request_", [FULL, CallbackRequest(numbers=("+442079460123",))])
def test_a_request_comes_back_as_it_was(request_: CallbackRequest) -> None:
    assert request_from_json(request_to_json(request_)) == request_


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ([], "callback"),
        ({"numbers": "+442079460123"}, "numbers"),
        ({"numbers": [1]}, "numbers"),
        ({"numbers": ["1"] * 11}, "numbers"),
        ({}, "numbers"),
        ({"numbers": ["1"], "priority": 1}, "priority"),
        ({"numbers": ["1"], "name": 5}, "name"),
        ({"numbers": ["1"], "reason": "x" * 501}, "reason"),
        ({"numbers": ["1"], "deadline": "tomorrow"}, "deadline"),
        ({"numbers": ["1"], "deadline": "2026-03-10T08:00"}, "deadline"),
        ({"numbers": ["1"], "worth": "1"}, "worth"),
        ({"numbers": ["1"], "worth": True}, "worth"),
        ({"numbers": ["1"], "worth": -1}, "worth"),
        ({"numbers": ["1"], "worth": float("nan")}, "worth"),
        ({"numbers": ["1"], "preferred": "mon"}, "preferred"),
        ({"numbers": ["1"], "preferred": [{}]}, "preferred"),
        (
            {
                "numbers": ["1"],
                "preferred": [{"weekdays": [7], "start_minute": 0, "end_minute": 9}],
            },
            "preferred",
        ),
        (
            {
                "numbers": ["1"],
                "preferred": [{"weekdays": [1], "start_minute": 9, "end_minute": 9}],
            },
            "preferred",
        ),
    ],
)
def test_what_has_not_the_right_form_is_refused_by_field(data: object, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        request_from_json(data)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "answer",
    [
        Added(callback_id="cb1"),
        Added(callback_id="cb1", merged=True),
        BadInput("number", "missing", value="…23", remedy="give one"),
    ],
)
def test_an_answer_comes_back_as_it_was(answer: Added | BadInput) -> None:
    back = answer_from_json(answer_to_json(answer))
    if isinstance(answer, Added):
        assert back == answer
    else:
        assert isinstance(back, BadInput)
        assert str(back) == str(answer)


@pytest.mark.parametrize(
    "data", [{}, [], {"results": []}, {"results": [{}]}, {"results": [{"error": 5}]}]
)
def test_an_answer_that_does_not_fit_is_noticed(data: object) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        answers_from_json(data, 1)
