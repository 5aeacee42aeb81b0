"""The do-not-call list as the API takes and gives it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from gateway.domain import records
from gateway.web.api.models.shown import NUMBER, Show
from gateway.web.api.models.values import Text
from gateway.web.api.schema import In, Out

__all__ = ["DoNotCall", "DoNotCallReason"]


class DoNotCallReason(In):
    """Why a number must not be called."""

    reason: Text = Field("", description="Name nobody in it.", examples=["asked so on the phone"])


class DoNotCall(Out):
    """A number that is never called, whoever asks."""

    number: str = Field(description=NUMBER)
    reason: str
    since: datetime

    @classmethod
    def of(cls, entry: records.DoNotCall, show: Show) -> Self:
        """Write an entry down."""
        return cls(number=show(entry.number), reason=entry.reason, since=entry.since)
