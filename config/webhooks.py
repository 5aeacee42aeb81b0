"""Settings of webhooks: whom Kairos may tell what happens, and how hard it tries."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from config.values import Name, Seconds, Strict

__all__ = ["Webhooks"]


class Webhooks(Strict):
    """Messages to other systems about the life of callbacks. Times in seconds.

    Receivers are chosen through the API, so what they may be is set here.
    """

    allow_http: bool = Field(
        default=False, description="true: addresses without encryption too; for tests"
    )
    allow_private: bool = Field(
        default=False,
        description="true: receivers in your own network too; whoever holds an admin key can then"
        " make this machine send requests into it",
    )
    timeout: Seconds = Field(
        10.0, ge=1, le=60, description="how long a receiver may take to answer"
    )
    max_tries: int = Field(
        9, ge=1, le=9, description="how often a message is sent at most, over 41 hours"
    )
    in_flight: int = Field(4, ge=1, le=50, description="messages under way to one receiver at once")
    streams: int = Field(
        100, ge=0, le=10_000, description="event streams open at once (GET /v1/stream)"
    )
    proxy: SecretStr | None = Field(
        None,
        description="an HTTP proxy that everything goes through, like http://proxy:3128; it then"
        " decides what may be reached",
    )
    cafile: Path | None = Field(
        None, description="certificates to trust instead of the system's, PEM"
    )
    node: Name | None = Field(
        None,
        description="with several processes on one database: the one that sends"
        " (its dispatch.node); unset: every process sends",
    )

    @field_validator("proxy")
    @classmethod
    def _is_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parts = urlsplit(value.get_secret_value())
            if parts.scheme != "http" or not parts.hostname:
                raise ValueError("must be the address of an HTTP proxy, like http://proxy:3128")
        return value
