"""The other end of the control socket, for commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from gateway.app.intake import CallbackRequest
from gateway.domain.change import Added
from gateway.domain.errors import BadInput
from gateway.web.control import IMPORT_PATH, MOST_CALLBACKS, SOCKET_NAME
from gateway.web.refusals import ControlError, refusal
from gateway.web.socketfile import reachable
from gateway.web.wire import answers_from_json, request_to_json

__all__ = ["ControlClient", "ControlError", "running_service"]

_CONNECT_WITHIN: Final = 3.0
_ANSWER_WITHIN: Final = 90.0
_HEALTH_WITHIN: Final = 10.0
_FIRST_REFUSAL: Final = 400


class ControlClient:
    """Talks to the service that runs on a data directory."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def take(self, requests: Sequence[CallbackRequest]) -> Sequence[Added | BadInput]:
        """Hand requests to the service; each is answered in its place, durable on return.

        Raises StoreUnavailable or ControlError; what was handed over before stays.
        """
        answers: list[Added | BadInput] = []
        for start in range(0, len(requests), MOST_CALLBACKS):
            batch = requests[start : start + MOST_CALLBACKS]
            body = {"callbacks": [request_to_json(one) for one in batch]}
            answer = await self._ask("POST", IMPORT_PATH, body)
            try:
                answers.extend(answers_from_json(answer, len(batch)))
            except ValueError as error:
                raise ControlError(
                    f"The running service: {error}; is it another version?"
                ) from None
        return answers

    async def health(self) -> Mapping[str, Any]:
        """Ask how the service stands. Raises ControlError."""
        return await self._ask("GET", "/v1/health", within=_HEALTH_WITHIN)

    async def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Ask for an operation of the API; return its answer as data, None where it has none.

        Raises NotFound, NotNow, Conflict, BadInput, StoreUnavailable or ControlError, each in words
        for the user.
        """
        status, data = await self._exchange(method, path, body, _ANSWER_WITHIN)
        if status < _FIRST_REFUSAL:
            return data
        raise refusal(status, data)

    async def _exchange(
        self, method: str, path: str, body: object, within: float
    ) -> tuple[int, Any]:
        try:
            async with (
                asyncio.timeout(within),
                self._session.request(method, path, json=body) as response,
            ):
                raw = await response.read()
                return response.status, json.loads(raw) if raw else None
        except TimeoutError:
            raise ControlError("The running service did not answer in time.") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise ControlError("The running service broke off; see its log.") from None

    async def _ask(
        self, method: str, path: str, body: object = None, *, within: float = _ANSWER_WITHIN
    ) -> Mapping[str, Any]:
        status, data = await self._exchange(method, path, body, within)
        if not isinstance(data, dict):
            raise ControlError("The running service answered something else; see its log.")
        if status < _FIRST_REFUSAL:
            return data
        raise refusal(status, data)


@asynccontextmanager
async def running_service(folder: Path) -> AsyncIterator[ControlClient | None]:
    """Connect to the service that runs on this data directory; None if none does.

    Raises ControlError where something listens and does not answer.
    """
    path = folder / SOCKET_NAME
    with ExitStack() as stack:
        if not path.is_socket():
            yield None
            return
        address = stack.enter_context(reachable(path))
        if not await _somebody_listens(address):
            yield None
            return
        timeout = aiohttp.ClientTimeout(total=_ANSWER_WITHIN, connect=_CONNECT_WITHIN)
        async with aiohttp.ClientSession(
            "http://control", connector=aiohttp.UnixConnector(path=address), timeout=timeout
        ) as session:
            client = ControlClient(session)
            await client.health()
            yield client


async def _somebody_listens(address: str) -> bool:
    try:
        async with asyncio.timeout(_CONNECT_WITHIN):
            _, writer = await asyncio.open_unix_connection(address)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
