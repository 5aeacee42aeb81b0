"""The desk of the commands where a service runs: everything is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from gateway.domain.errors import NotFound
from gateway.domain.records import Scope
from gateway.web.client import ControlClient

__all__ = ["SocketDesk", "Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """A reason as the service told it."""

    code: str
    text: str
    remedy: str


class SocketDesk:
    """Does everything through the API of the service that runs, on its control socket."""

    running = True

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    async def cancel(self, callback_id: str, *, reason: str) -> None:
        await self._to(callback_id, "cancel", {"reason": reason})

    async def reschedule(
        self, callback_id: str, at: datetime, *, ignore_preferred: bool = False
    ) -> None:
        body = {"at": at.isoformat(), "ignore_preferred": ignore_preferred}
        await self._to(callback_id, "reschedule", body)

    async def call_now(self, callback_id: str, *, ignore_preferred: bool = False) -> None:
        await self._to(callback_id, "call-now", {"ignore_preferred": ignore_preferred})

    async def _to(self, callback_id: str, what: str, body: dict[str, Any]) -> None:
        await self._client.ask("POST", f"/v1/callbacks/{quote(callback_id)}/{what}", body)

    async def stop_all(self, *, reason: str) -> None:
        await self._client.ask("POST", "/v1/stop-all", {"reason": reason})

    async def hold_queue(self, queue: str, *, reason: str) -> None:
        await self._client.ask("POST", f"/v1/queues/{quote(queue)}/hold", {"reason": reason})

    async def resume(self, target: str) -> bool:
        answer = await self._client.ask("POST", "/v1/resume", {"target": target})
        return bool(answer and answer.get("lifted"))

    async def block(self, number: str, *, reason: str) -> None:
        await self._client.ask("PUT", f"/v1/do-not-call/{quote(number)}", {"reason": reason})

    async def allow(self, number: str) -> bool:
        return await self._gone(f"/v1/do-not-call/{quote(number)}")

    async def add_key(self, *, name: str, scope: Scope, expires_at: datetime | None) -> str:
        body: dict[str, Any] = {"name": name, "scope": scope.value}
        if expires_at is not None:
            body["expires_at"] = expires_at.isoformat()
        answer = await self._client.ask("POST", "/v1/keys", body)
        return str(answer["token"])

    async def revoke_key(self, key_id: str) -> bool:
        return await self._gone(f"/v1/keys/{quote(key_id)}")

    async def _gone(self, path: str) -> bool:
        try:
            await self._client.ask("DELETE", path)
        except NotFound:
            return False
        return True

    async def why(self, *, queue: str | None, callback_id: str | None) -> Sequence[Told]:
        given = {"queue": queue, "callback_id": callback_id}
        query = urlencode({name: value for name, value in given.items() if value})
        answer = await self._client.ask("GET", f"/v1/why?{query}" if query else "/v1/why")
        return [Told(one["code"], one["text"], one["remedy"]) for one in answer["data"]]
