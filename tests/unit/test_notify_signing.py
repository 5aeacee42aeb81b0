"""Signatures are those of Standard Webhooks, judged by the library of its authors."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gateway.domain.signing import headers, newest, rotated, secret_of, sign

OLD, NEW = secret_of(b"o" * 32), secret_of(b"n" * 32)


@given(st.binary(min_size=24, max_size=64), st.text(st.characters(codec="utf-8")))
def test_the_reference_library_verifies_what_was_signed(key: bytes, text: str) -> None:
    secret, body = secret_of(key), text.encode()
    signed = headers(secret, "wh1_1", body, datetime.now(UTC))
    Webhook(secret).verify(body, signed, json_parse=False)


def test_the_example_of_the_standard_is_signed_alike() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_changed_body_is_found_out() -> None:
    signed = headers(OLD, "wh1_1", b'{"a":1}', datetime.now(UTC))
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(b'{"a":2}', signed)


def test_after_a_rotation_both_secrets_verify_for_a_day_and_then_the_new_one_only() -> None:
    now = datetime.now(UTC)
    both = rotated(OLD, NEW, now)
    signed = headers(both, "wh1_1", b"{}", now)
    Webhook(OLD).verify(b"{}", signed)
    Webhook(NEW).verify(b"{}", signed)
    later = headers(rotated(OLD, NEW, now - timedelta(hours=24)), "wh1_1", b"{}", now)
    Webhook(NEW).verify(b"{}", later)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(b"{}", later)


def test_a_second_rotation_keeps_the_last_two_secrets() -> None:
    now = datetime.now(UTC)
    newer = secret_of(b"x" * 32)
    stored = rotated(rotated(OLD, NEW, now), newer, now)
    assert newest(stored) == newer
    signed = headers(stored, "wh1_1", b"{}", now)
    Webhook(NEW).verify(b"{}", signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(b"{}", signed)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64!", ""])
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match="signing secret"):
        sign(secret, "wh1_1", 1, b"{}")


def test_a_secret_is_written_as_the_standard_says() -> None:
    assert secret_of(b"k" * 24) == "whsec_" + b64encode(b"k" * 24).decode()
