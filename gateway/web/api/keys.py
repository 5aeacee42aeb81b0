"""API keys: made once, shown once, kept as a hash; checked in constant time.

A key is ``kai_<id>_<secret>``. The id is public and names it in logs and lists; the secret has 256
random bits, so a plain SHA-256 of it is enough to keep.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.domain.errors import StoreUnavailable
from gateway.domain.records import ApiKey, Scope
from gateway.ports import Clock, Store

__all__ = ["Keys", "NewKey", "make_key", "read_key"]

_KEY: Final = re.compile(r"kai_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_ID_LENGTH: Final = 12
_SECRET_BYTES: Final = 32
_BELIEVED_FOR: Final = 3.0
# While the database is away nobody else could be told of what is wrong, or press the panic button.
_BELIEVED_WITHOUT: Final = 3600.0
_MOST_CACHED: Final = 1024
_NOBODY: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: ``text`` is shown once and kept nowhere."""

    key: ApiKey
    text: str

    def __repr__(self) -> str:
        return f"NewKey({self.key.id})"


def make_key(
    *, name: str, scope: Scope, now: datetime, expires_at: datetime | None = None
) -> NewKey:
    """Make a key; the caller stores ``key`` and shows ``text`` to whoever asked."""
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    key = ApiKey(
        id=key_id,
        name=name,
        digest=_digest(secret),
        scope=scope,
        created_at=now,
        expires_at=expires_at,
    )
    return NewKey(key, f"kai_{key_id}_{secret}")


def read_key(text: str) -> tuple[str, str] | None:
    """Split a key into its id and the hash of its secret; None if it has not the form of one."""
    found = _KEY.fullmatch(text)
    return (found[1], _digest(found[2])) if found else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Keys:
    """Checks keys, believing what the store said for at most three seconds.

    While the store is away, a key that was good within the last hour still is.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, ApiKey | None]] = OrderedDict()

    async def check(self, text: str, *, known_only: bool = False) -> ApiKey | None:
        """Return the key if it is valid now. Raises StoreUnavailable.

        ``known_only``: ask the store only about keys that were valid before, so that somebody who
        guesses does not cost it anything.
        """
        read = read_key(text)
        if read is None:
            return None
        key_id, digest = read
        key = await self._key(key_id, known_only=known_only)
        right = hmac.compare_digest(digest, key.digest if key else _NOBODY)
        return key if key and right and self._is_valid(key) else None

    async def is_good(self, key_id: str) -> bool:
        """Whether a key that was checked before is still valid. Raises StoreUnavailable."""
        key = await self._key(key_id, known_only=False)
        return key is not None and self._is_valid(key)

    async def _key(self, key_id: str, *, known_only: bool) -> ApiKey | None:
        now = self._clock.monotonic()
        at, key = self._known.get(key_id, (float("-inf"), None))
        if now - at < _BELIEVED_FOR or (known_only and key is None):
            return key
        try:
            key = await self._store.key(key_id)
        except StoreUnavailable:
            if key is None or now - at >= _BELIEVED_WITHOUT:
                raise
            return key
        self._known[key_id] = (now, key)
        self._known.move_to_end(key_id)
        while len(self._known) > _MOST_CACHED:
            self._known.popitem(last=False)
        return key

    def _is_valid(self, key: ApiKey) -> bool:
        now = self._clock.now()
        revoked = key.revoked_at is not None
        return not revoked and (key.expires_at is None or now < key.expires_at)
