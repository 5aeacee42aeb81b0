"""What the core needs to tell others: a way to hand one message to an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Answer", "Message", "Messenger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, ready to be sent as it is."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of sending: the status of the answer, or why there was none.

    ``retry_after``: seconds the receiver asks for. ``error`` never holds more of the address than
    its host.
    """

    status: int | None = None
    error: str = ""
    retry_after: float | None = None

    @property
    def taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 -- HTTP


class Messenger(Protocol):
    """Sends messages to addresses that others chose, and so trusts none of them."""

    def check(self, url: str) -> None:
        """Refuse an address that can be seen to be unusable. Raises BadInput."""
        ...

    async def send(self, message: Message) -> Answer:
        """Send once, within a time limit. Whatever the receiver does is an Answer, no error.

        Cancelable at any await.
        """
        ...
