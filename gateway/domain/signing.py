"""Signatures of Standard Webhooks (``v1``: HMAC with SHA-256), and the secrets for them.

A stored secret is one ``whsec_...``, or several, newest first, each older one with the instant up
to which it still signs: ``whsec_new whsec_old@1773129600``. A receiver that knows any of them
can verify.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

__all__ = ["SECRET_BYTES", "headers", "newest", "rotated", "secret_of", "sign"]

SECRET_BYTES: Final = 32
"""How much chance a fresh secret holds; the standard asks for 24 to 64 bytes."""

_PREFIX: Final = "whsec_"
_OVERLAP: Final = timedelta(hours=24)
_MOST: Final = 2  # One that is new and one that goes out.


def secret_of(chance: bytes) -> str:
    """Write random bytes as a secret."""
    return _PREFIX + base64.b64encode(chance).decode()


def newest(stored: str) -> str:
    """Return the secret that receivers should use."""
    return stored.split(" ", 1)[0]


def rotated(stored: str, fresh: str, now: datetime) -> str:
    """Put ``fresh`` in front; the one before it signs too for another 24 hours."""
    until = int((now + _OVERLAP).timestamp())
    return f"{fresh} {newest(stored)}@{until}"


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message by one secret. Raises ValueError if it is none."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def headers(stored: str, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the three headers of a message that is sent now."""
    timestamp = int(now.timestamp())
    signatures = [sign(one, message_id, timestamp, body) for one in _valid(stored, timestamp)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _valid(stored: str, timestamp: int) -> list[str]:
    first, *older = stored.split(" ")
    valid = [first]
    for one in older[: _MOST - 1]:
        secret, _, until = one.partition("@")
        if until.isdigit() and timestamp < int(until):
            valid.append(secret)
    return valid


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("the signing secret is not base64") from None
    if not key:
        raise ValueError("the signing secret is empty")
    return key
