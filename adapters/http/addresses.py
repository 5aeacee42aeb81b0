"""Which addresses a message may go to, when others choose where."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address
from typing import Final

__all__ = ["is_public", "may_use_port"]

_Address = IPv4Address | IPv6Address

# What ``is_global`` lets through, or did in some release of Python, and what leads elsewhere.
_NEVER: Final = tuple(
    ipaddress.ip_network(one)
    for one in (
        "100.64.0.0/10",  # shared by carriers; a cloud's metadata lives in it
        "168.63.129.16/32",  # a cloud's own services, on a public address
        "192.0.0.0/24",
        "192.88.99.0/24",  # the old way from 6to4
        "198.18.0.0/15",
        "240.0.0.0/4",
        "::/96",  # IPv4 wrapped in IPv6, in four ways that nobody needs
        "::ffff:0:0/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_WEB_PORTS: Final = frozenset({80, 443})
_FIRST_FREE_PORT: Final = 1024


def is_public(text: str) -> bool:
    """Whether an address is one of the open Internet, however it is written or wrapped."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address in _NAT64:
        # How a network without IPv4 reaches it: what counts is where it leads.
        return _is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return _is_public(address)


def may_use_port(port: int) -> bool:
    """Whether a port can be that of a web server: 80, 443, or one that anybody may open."""
    return port in _WEB_PORTS or port >= _FIRST_FREE_PORT


def _is_public(address: _Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not any(address in net for net in _NEVER if net.version == address.version)
    )
