"""Settings of the API: where it listens, whom it believes, how much it takes."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, IPvAnyNetwork, field_validator

from config.values import Seconds, Strict

__all__ = ["Api", "ApiTls", "RateLimit"]


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ipaddress.ip_network(value.strip())
    except ValueError:
        raise ValueError(
            "must be an address or a network, like '10.0.0.7' or '10.0.0.0/8'"
        ) from None


Network = Annotated[IPvAnyNetwork, BeforeValidator(_network)]


class ApiTls(Strict):
    """The certificate the API shows, and its key, as PEM files."""

    certfile: Path = Field(description="the certificate and those that signed it, PEM")
    keyfile: Path = Field(description="its private key without a passphrase, PEM")


class RateLimit(Strict):
    """How many requests one API key may send."""

    requests_per_second: float = Field(
        50.0, gt=0, le=100_000, allow_inf_nan=False, description="requests a second, lasting"
    )
    burst: int = Field(100, ge=1, le=1_000_000, description="requests that may come at once")


class Api(Strict):
    """The HTTP API. Times in seconds.

    The commands on this machine use the socket in the data directory, which is always there.
    """

    enabled: bool = Field(
        default=True, description="false: no TCP port; the socket for commands stays"
    )
    host: str = Field(
        "127.0.0.1", min_length=1, max_length=255, description="the address to listen at"
    )
    port: int = Field(8080, ge=0, le=65535, description="the port; 0: any that is free")
    public_url: str | None = Field(
        None, description="how others reach the API, like https://calls.example.com"
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="addresses of proxies whose X-Forwarded-For is believed"
    )
    tls: ApiTls | None = Field(None, description="serve HTTPS with this certificate")
    rate_limit: RateLimit = Field(RateLimit(), description="how much each API key may ask")
    max_connections: int = Field(
        1000, ge=1, le=100_000, description="connections open at once, in all"
    )
    max_connections_per_address: int = Field(
        100, ge=1, le=100_000, description="connections open at once from one address"
    )
    header_timeout: Seconds = Field(
        10.0, gt=0, le=300, description="how long a client may take to send its headers"
    )
    body_timeout: Seconds = Field(
        30.0, gt=0, le=3600, description="how long a client may take to send its body"
    )

    @field_validator("host")
    @classmethod
    def _host(cls, value: str) -> str:
        if not value.isprintable() or set(value) & set(" /@"):
            raise ValueError("must be an address or a host name, like '127.0.0.1' or '::1'")
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            plain = parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            parts, plain = urlsplit(""), None
        if not plain or parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
            raise ValueError("must be an address like https://calls.example.com")
        if parts.username is not None:
            raise ValueError("must not hold a user or a password; leave them out")
        return value.rstrip("/")

    @property
    def loopback_only(self) -> bool:
        """Whether only this machine can reach the API."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
