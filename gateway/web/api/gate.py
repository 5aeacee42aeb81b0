"""Who may come in: keys, scopes, rates; and where somebody comes from behind a proxy."""

from __future__ import annotations

import ipaddress
import math
import pwd
import socket
import struct
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from aiohttp import web

from gateway.domain.records import Scope
from gateway.web.api.call import Door, Identity
from gateway.web.api.marks import HEADERS
from gateway.web.api.operation import Operation
from gateway.web.api.problem import Refusal
from gateway.web.api.problem_types import FORBIDDEN, KEY_NEEDED, RATE_LIMITED
from gateway.web.api.services import Services

__all__ = ["identify", "is_within", "remote_address"]

_CHALLENGE: Final = 'Bearer realm="Kairos"'
_CREDENTIALS: Final = struct.Struct("3i")
_MOST_HOPS: Final = 20


async def identify(
    request: web.Request, operation: Operation, services: Services, door: Door
) -> Identity:
    """Find out who asks and whether they may. Raises Refusal, StoreUnavailable."""
    if door is Door.SOCKET:
        return Identity(name=_user(request), scope=Scope.ADMIN, door=door)
    address = remote_address(request, services.settings.trusted_proxies)
    if operation.scope is None:
        return Identity(address=address)
    identity = await _by_key(request, services, address)
    allowance = services.limits.ask(identity.key_id)
    request[HEADERS].update(allowance.headers)
    if allowance.wait > 0:
        raise Refusal(RATE_LIMITED, f"this key may ask again in {allowance.wait:.1f} s")
    if not identity.may(operation.scope):
        challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{operation.scope}"'
        raise Refusal(
            FORBIDDEN,
            f"this needs the scope {operation.scope}, the key has {identity.scope}",
            headers={"WWW-Authenticate": challenge},
        )
    return identity


async def _by_key(request: web.Request, services: Services, address: str) -> Identity:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if not text or scheme.lower() != "bearer":
        raise Refusal(
            KEY_NEEDED,
            "send the header Authorization: Bearer kai_...",
            headers={"WWW-Authenticate": _CHALLENGE},
        )
    wait = services.limits.too_many_wrong(address)
    key = await services.keys.check(text.strip(), known_only=wait > 0)
    if key is not None:
        return Identity(key_id=key.id, name=key.name, scope=key.scope, address=address)
    if wait > 0:
        raise Refusal(
            RATE_LIMITED,
            "too many wrong keys came from this address",
            headers={"Retry-After": str(math.ceil(wait))},
        )
    services.limits.wrong_key(address)
    raise Refusal(
        KEY_NEEDED,
        "this API key is unknown, expired or revoked",
        headers={"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'},
    )


def remote_address(request: web.Request, trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """Return where a request comes from: the last hop that is no proxy of ours."""
    address = request.remote or ""
    hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    for hop in reversed(hops[-_MOST_HOPS:]):
        if not trusted or not is_within(address, trusted):
            break
        try:
            address = str(ipaddress.ip_address(hop.strip()))
        except ValueError:
            break
    return address


def is_within(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is in one of these networks; False for what is no address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in networks)


def _user(request: web.Request) -> str:
    """Return the name of the user at the other end of the socket."""
    transport = request.transport
    peer = transport.get_extra_info("socket") if transport else None
    if peer is None:
        return "socket"
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid = int(_CREDENTIALS.unpack(raw)[1])
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
