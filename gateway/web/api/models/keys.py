"""API keys as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from gateway.domain.records import ApiKey, Scope
from gateway.web.api.models.values import Moment, Text
from gateway.web.api.schema import In, Out

__all__ = ["Key", "KeyList", "MadeKey", "NewKey"]


class NewKey(In):
    """A key for somebody."""

    name: Text = Field(min_length=1, description="Whose it is.", examples=["crm"])
    scope: Scope = Field(description="`read`, `write` or `admin`; each includes those before it.")
    expires_at: Moment | None = Field(
        None, description="An instant, or a duration from now on; left out: never."
    )


class Key(Out):
    """A key; its secret is known to nobody but its owner."""

    id: str
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Write a key down."""
        return cls(
            id=key.id,
            name=key.name,
            scope=key.scope,
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
        )


class MadeKey(Key):
    """A fresh key with what is sent as `Authorization: Bearer`. It is shown this once."""

    token: str = Field(examples=["kai_..."], repr=False)


class KeyList(Out):
    """Every key, oldest first, those that are no longer valid too."""

    data: list[Key]
