"""A row of text becomes a request, or one sentence that names field, value and remedy."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.app.intake import CallbackRequest
from gateway.cli.rows import parse_preferred, request_of
from gateway.domain.errors import BadInput
from gateway.domain.model import PreferredWindow

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)


def request(**fields: str) -> CallbackRequest:
    fields = {"number": "+442079460123", **fields}
    return request_of(fields, now=NOW, source="file", default_key="file:1")


def problem(**fields: str) -> BadInput:
    with pytest.raises(BadInput) as raised:
        request(**fields)
    assert raised.value.remedy
    return raised.value


def test_several_numbers_are_separated_by_semicolon_or_bar() -> None:
    numbers = request(number="040 1; +442079460123 |030-5").numbers
    assert numbers == ("040 1", "+442079460123", "030-5")


def test_a_row_without_a_key_of_its_own_gets_the_default() -> None:
    assert request().idempotency_key == "file:1"
    assert request(idempotency_key="crm-7").idempotency_key == "crm-7"


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-03-11T17:00+02:00", "", datetime(2026, 3, 11, 15, tzinfo=UTC)),
        ("2026-03-11T15:00:00Z", "", datetime(2026, 3, 11, 15, tzinfo=UTC)),
        ("2026-03-11 17:00", "Europe/Helsinki", datetime(2026, 3, 11, 15, tzinfo=UTC)),
        ("11.3.2026 17:00", "Europe/Helsinki", datetime(2026, 3, 11, 15, tzinfo=UTC)),
        ("11/03/2026 17:00", "Europe/Helsinki", datetime(2026, 3, 11, 15, tzinfo=UTC)),
        ("2026-03-11", "Europe/London", datetime(2026, 3, 11, 23, 59, tzinfo=UTC)),
        ("4h", "", NOW + timedelta(hours=4)),
        ("2d", "", NOW + timedelta(days=2)),
    ],
)
def test_a_deadline_is_an_instant_a_local_time_or_a_time_from_now(
    text: str, zone: str, instant: datetime
) -> None:
    fields = {"deadline": text} | ({"zone": zone} if zone else {})
    assert request(**fields).deadline == instant


def test_a_request_is_never_from_the_future() -> None:
    assert request(requested_at="2026-03-10T09:00+00:00").requested_at == NOW


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"number": " ; "}, "number"),
        ({"number": "|".join(["1"] * 11)}, "number"),
        ({"deadline": "tomorrow"}, "deadline"),
        ({"deadline": "2026-03-11 17:00"}, "deadline"),
        ({"deadline": "99999999999d"}, "deadline"),
        ({"country": "Finland"}, "country"),
        ({"worth": "a lot"}, "worth"),
        ({"worth": "-1"}, "worth"),
        ({"worth": "nan"}, "worth"),
        ({"preferred": "mornings"}, "preferred"),
        ({"preferred": "mon-fri 25:00-26:00"}, "preferred"),
        ({"preferred": "mon-xyz 09:00-10:00"}, "preferred"),
        ({"idempotency_key": "x" * 300}, "idempotency_key"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_field_and_a_remedy(
    fields: dict[str, str], field: str
) -> None:
    assert problem(**fields).field == field


def test_amounts_may_have_a_decimal_comma() -> None:
    assert request(worth="1 250,50").worth == 1250.5


def test_preferred_windows_are_read_by_day_and_hours() -> None:
    assert parse_preferred("mon-wed 09:00-12:00, 13:00-15:00; sat 10:00-12:00") == (
        PreferredWindow(weekdays=frozenset({0, 1, 2}), start_minute=540, end_minute=720),
        PreferredWindow(weekdays=frozenset({0, 1, 2}), start_minute=780, end_minute=900),
        PreferredWindow(weekdays=frozenset({5}), start_minute=600, end_minute=720),
    )
    assert parse_preferred("") == ()
    assert parse_preferred("Mon - Fri 9:00-12:00") == (
        PreferredWindow(weekdays=frozenset(range(5)), start_minute=540, end_minute=720),
    )
