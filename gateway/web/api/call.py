"""One request on its way through an operation: what was sent, who asks, what there is to use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel

from gateway.app.office import Office
from gateway.domain.records import Scope
from gateway.web.api.conditions import wanted_version
from gateway.web.api.operation import Operation
from gateway.web.api.problem import FieldError, Refusal
from gateway.web.api.problem_types import INVALID_INPUT

if TYPE_CHECKING:
    from gateway.web.api.services import Services

__all__ = ["Call", "Door", "Identity"]

_RANKS: Final = {scope: rank for rank, scope in enumerate(Scope)}
M = TypeVar("M", bound=BaseModel)


class Door(Enum):
    """How somebody came in: over the network with a key, or through the socket of this machine."""

    NETWORK = "network"
    SOCKET = "socket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks. ``key_id`` is empty where no key was needed; ``name`` is the key's, or the user's.

    ``address``: where from; empty on the socket.
    """

    key_id: str = ""
    name: str = ""
    scope: Scope | None = None
    door: Door = Door.NETWORK
    address: str = ""

    def may(self, scope: Scope) -> bool:
        """Whether this scope is included."""
        return self.scope is not None and _RANKS[scope] <= _RANKS[self.scope]

    @property
    def by(self) -> str:
        """Who it was, for the journal."""
        return self.name or self.key_id or "somebody"


@dataclass(slots=True, kw_only=True)
class Call:
    """What a handler gets. Body, query and path were checked before it is called."""

    request: web.Request
    operation: Operation
    services: Services
    identity: Identity
    path: Mapping[str, str] = field(default_factory=dict)
    checked_body: BaseModel | None = None
    checked_query: BaseModel | None = None
    raw_body: bytes = b""
    idempotency_key: str | None = None
    """The Idempotency-Key with who sent it and for what, hashed, so that nobody's meet; or None."""

    @property
    def office(self) -> Office:
        """Everything Kairos can do: intake, amendments, interactions, holds, why, store."""
        return self.services.office

    @property
    def by(self) -> str:
        """Who asks, for the journal."""
        return self.identity.by

    def body(self, model: type[M]) -> M:
        """Return the body, which the operation declares to be ``model``."""
        if not isinstance(self.checked_body, model):
            raise TypeError(f"{self.operation.operation_id} declares another body")
        return self.checked_body

    def query(self, model: type[M]) -> M:
        """Return the query, which the operation declares to be ``model``."""
        if not isinstance(self.checked_query, model):
            raise TypeError(f"{self.operation.operation_id} declares another query")
        return self.checked_query

    def version(self) -> int | None:
        """Return the version the caller wants to change (If-Match); None for any.

        Raises Refusal: the header is missing where the operation is ``conditional``, or its tag is
        none of ours.
        """
        return wanted_version(
            self.request.headers.getall("If-Match", []), required=self.operation.conditional
        )

    def refuse(self, name: str, detail: str, hint: str = "") -> Refusal:
        """Make the refusal of one field of the body, or of one parameter; to be raised."""
        parameter = self.operation.query is not None and name in self.operation.query.model_fields
        place = {"parameter": name} if parameter else {"pointer": f"/{name}"}
        error = FieldError(detail=detail, hint=hint, **place)
        return Refusal(INVALID_INPUT, f"{name}: {detail}", errors=(error,))
