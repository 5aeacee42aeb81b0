"""Talks to the API as a client does, and tells what came back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from adapters.memory import ManualClock, MemoryStore
from gateway.app.office import Office
from gateway.domain.records import Scope
from gateway.domain.windows import CountryRule
from gateway.ports import Store
from tests.support.api import ApiRig, api_rig
from tests.support.harness import ALWAYS
from tests.support.office import office_over

__all__ = ["KAISA", "Reply", "Talk", "talk_over"]

KAISA = "+358401234567"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    data: Any

    @property
    def etag(self) -> str:
        return self.headers["ETag"]

    @property
    def kind(self) -> str:
        """Which problem it is."""
        return str(self.data["type"]).rsplit("/", 1)[-1]

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Where each mistake is, and how to mend it."""
        found = self.data["errors"]
        return [(one.get("pointer", one.get("parameter")), one.get("hint") or "") for one in found]


@dataclass(frozen=True)
class Talk:
    """A client with a key for everything."""

    rig: ApiRig
    office: Office

    @property
    def clock(self) -> ManualClock:
        return self.rig.clock

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        scope: Scope = Scope.ADMIN,
        **headers: str,
    ) -> Reply:
        """Send one request; ``If_Match`` stands for the header If-Match."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content: dict[str, Any] = {} if body is None else {"json": body}
        async with self.rig.client.request(
            method, path, headers={**self.rig.auth_of(scope), **sent}, **content
        ) as response:
            text = await response.text()
            data = json.loads(text) if text else None
            return Reply(response.status, response.headers, data)

    async def call_back(self, number: str = KAISA, **more: object) -> str:
        """Ask for a callback and return its id."""
        reply = await self.ask("POST", "/v1/callbacks", {"number": number, **more})
        assert reply.status in {200, 201}, reply.data
        return str(reply.data["id"])


@asynccontextmanager
async def talk_over(
    store: Store | None = None, *, rule: CountryRule = ALWAYS
) -> AsyncIterator[Talk]:
    """Serve an office over this store, which is open."""
    clock = ManualClock()
    if store is None:
        store = MemoryStore(clock)
        await store.open()
    office = office_over(store, clock, rule=rule)
    async with api_rig(store=store, clock=clock, office=office) as rig:
        yield Talk(rig, office)
