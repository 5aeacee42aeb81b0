"""Names to addresses, but only to such as a message may go to.

The check is made on the very addresses that are then connected to, so a name that answers one
thing when it is looked at and another when it is used gains nothing. The socket is the last
fence: it is made for no address that was not allowed, however it came there.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from adapters.http.addresses import is_public

__all__ = ["AddressRefused", "CheckedResolver", "Lookup", "checked_socket", "look_up"]

# Returns the addresses of a name, as written. Blocking; may raise OSError.
Lookup = Callable[[str, int], list[str]]
_THREADS: Final = 8


class AddressRefused(OSError):
    """The name leads to an address inside a network, not to one of the open Internet."""


def look_up(host: str, port: int) -> list[str]:
    """Ask the system."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class CheckedResolver(AbstractResolver):
    """Resolves in threads of its own, so that a slow name server holds up nothing else."""

    def __init__(self, *, allow_private: bool, lookup: Lookup = look_up) -> None:
        self._allow_private = allow_private
        self._lookup = lookup
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhook-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name; AddressRefused if any of them is not allowed."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._pool, self._lookup, host, port)
        if not found:
            raise OSError(None, "the name has no address")
        if not self._allow_private and not all(is_public(one) for one in found):
            raise AddressRefused("the name leads into a private network")
        return [_result(host, one, port) for one in found]

    async def close(self) -> None:
        """Let the threads go; one that still asks a name server ends with its answer."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


def checked_socket(info: tuple[Any, ...]) -> socket.socket:
    """Make the socket for an address, if that is allowed."""
    family, kind, proto, _, address = info
    if not is_public(str(address[0])):
        raise AddressRefused("the address is in a private network")
    made = socket.socket(family, kind, proto)
    made.setblocking(False)  # noqa: FBT003 -- the socket's own interface
    return made
