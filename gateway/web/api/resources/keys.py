"""API keys: made, listed, revoked. A key's secret is shown once, when it is made."""

from __future__ import annotations

from typing import Final

from gateway.domain.errors import NotFound
from gateway.domain.records import Scope
from gateway.web.api.call import Call
from gateway.web.api.keys import make_key
from gateway.web.api.models.keys import Key, KeyList, MadeKey, NewKey
from gateway.web.api.models.values import moment
from gateway.web.api.operation import Answer, Operation, PathValue

__all__ = ["OPERATIONS"]

_TAG: Final = "Keys"
_ID: Final = {"key_id": PathValue(pattern=r"[a-z0-9]{1,32}", example="h3k9m2p5q8t4")}
_EXAMPLE: Final = {
    "id": "h3k9m2p5q8t4",
    "name": "crm",
    "scope": "write",
    "created_at": "2026-01-31T15:00:00Z",
    "expires_at": None,
    "revoked_at": None,
}


async def _make(call: Call) -> Answer:
    wanted = call.body(NewKey)
    now = call.services.clock.now()
    expires_at = moment(wanted.expires_at, now)
    if expires_at is not None and expires_at <= now:
        raise call.refuse("expires_at", "lies in the past", "give a later instant")
    made = make_key(name=wanted.name, scope=wanted.scope, now=now, expires_at=expires_at)
    await call.office.store.add_key(made.key)
    shown = MadeKey(**Key.of(made.key).model_dump(), token=made.text)
    return Answer(shown, status=201, location=f"/v1/keys/{made.key.id}")


async def _list(call: Call) -> Answer:
    return Answer(KeyList(data=[Key.of(one) for one in await call.office.store.keys()]))


async def _read(call: Call) -> Answer:
    key = await call.office.store.key(call.path["key_id"])
    if key is None:
        raise NotFound("there is no such key")
    return Answer(Key.of(key))


async def _revoke(call: Call) -> Answer:
    if not await call.office.store.revoke_key(call.path["key_id"], call.services.clock.now()):
        raise NotFound("there is no such key, or it was revoked before")
    return Answer(status=204)


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/keys",
        operation_id="createKey",
        tag=_TAG,
        summary="Make an API key",
        description="`token` is what is sent as `Authorization: Bearer`. It is shown this once; "
        "only a hash of it is kept.",
        scope=Scope.ADMIN,
        body=NewKey,
        answers={201: MadeKey},
        examples={
            "body": {"name": "crm", "scope": "write", "expires_at": "P52W"},
            201: {**_EXAMPLE, "token": "kai_h3k9m2p5q8t4_..."},
        },
        handler=_make,
    ),
    Operation(
        method="GET",
        path="/v1/keys",
        operation_id="listKeys",
        tag=_TAG,
        summary="List the API keys",
        scope=Scope.ADMIN,
        answers={200: KeyList},
        examples={200: {"data": [_EXAMPLE]}},
        handler=_list,
    ),
    Operation(
        method="GET",
        path="/v1/keys/{key_id}",
        operation_id="readKey",
        tag=_TAG,
        summary="Read an API key",
        scope=Scope.ADMIN,
        paths=_ID,
        answers={200: Key},
        examples={200: _EXAMPLE},
        handler=_read,
    ),
    Operation(
        method="DELETE",
        path="/v1/keys/{key_id}",
        operation_id="revokeKey",
        tag=_TAG,
        summary="Revoke an API key",
        description="It is refused from then on, everywhere within three seconds. It stays in the "
        "list.",
        scope=Scope.ADMIN,
        paths=_ID,
        answers={204: None},
        handler=_revoke,
    ),
)
