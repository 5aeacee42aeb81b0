"""Settings of the ways out: which server, with which secret, how much it takes, where calls go."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from config.practice_numbers import PRACTICE_PREFIXES
from config.values import Name, Seconds, Strict, filled_from_file

__all__ = ["Carrier", "CarrierLimits", "Route", "Tls", "check_channel"]

_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9]*/[A-Za-z0-9@._+/-]+")
_DIALPLAN_WORD = re.compile(r"[A-Za-z0-9_.-]{1,79}")
# Asterisk runs these by itself in every dialplan.
_SPECIAL_EXTENSIONS = frozenset({"failed", "h", "i", "t", "o", "a", "e", "T"})
_CALLER_ID = re.compile(r'(?:"[^"<>\\\x00-\x1f\x7f]{0,80}" ?)?<?\+?[0-9*#]{1,40}>?|')
_NUMBER_MARK = re.compile(r"\{(?:number|digits)\}")


def check_channel(value: str) -> str:
    """Accept what Asterisk can dial (technology, slash, address) and nothing that could inject."""
    if not _CHANNEL.fullmatch(value):
        raise ValueError("must be a technology and an address, like 'PJSIP/anna' (no spaces)")
    return value


class Tls(Strict):
    """An encrypted link; without ``cafile`` the system's certificate authorities are trusted."""

    cafile: Path | None = Field(None, description="the authority that signed the switch's, PEM")
    server_hostname: str | None = Field(
        None, description="the name in the switch's certificate, where it is not the host"
    )


class CarrierLimits(Strict):
    """What the carrier takes."""

    calls_per_second: float = Field(
        1.0, gt=0, le=1000, allow_inf_nan=False, description="calls that may start in a second"
    )
    concurrent_calls: int = Field(10, ge=1, description="calls open at once")
    burst: int = Field(1, ge=1, description="calls that may start in one instant")


class Route(Strict):
    """Where in the dialplan an answered person goes."""

    context: str = Field(description="the dialplan context answered calls are sent to")
    exten: str = Field("s", description="the extension there")
    priority: int = Field(1, ge=1, description="the priority there")
    needs_agent: bool = Field(
        default=True, description="with nobody to talk to the call counts as abandoned"
    )
    amd: bool = Field(
        default=False, description="the dialplan listens for answering machines there"
    )

    @field_validator("context", "exten")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not _DIALPLAN_WORD.fullmatch(value):
            raise ValueError("must be a plain dialplan name (letters, digits, '_', '.', '-')")
        if value in _SPECIAL_EXTENSIONS:
            raise ValueError(f"{value!r} is special in every dialplan; name another")
        return value


def _secret_from_elsewhere(schema: dict[str, Any]) -> None:
    """Let an editor accept a file without the secret, which better stands elsewhere."""
    schema["required"] = [key for key in schema["required"] if key != "secret"]


class Carrier(Strict):
    """One way out. ``type: lab`` is the practice switch: loopback and practice numbers only.

    ``secret`` wins over ``secret_file``, so that a variable can override it. Times in seconds.
    """

    model_config = ConfigDict(json_schema_extra=_secret_from_elsewhere)

    type: Literal["asterisk", "lab"] = Field(description="asterisk, or lab for the practice switch")
    host: str = Field("127.0.0.1", description="where the switch's manager interface listens")
    port: int = Field(5038, ge=1, le=65535, description="its port")
    username: str = Field("kairos", min_length=1, description="the manager user")
    secret: SecretStr = Field(
        description="the password of the manager user; better: secret_file, or the variable "
        "KAIROS_CARRIERS__<NAME>__SECRET"
    )
    secret_file: Path | None = Field(
        None, description="a file that holds the password and nothing else"
    )
    tls: Tls | None = Field(None, description="an encrypted link; {} trusts the system's own")
    channel: str = Field(
        description="how to dial, like 'PJSIP/{number}@trunk'; {number} is E.164 with plus, "
        "{digits} without"
    )
    caller_id: str = Field("", description="a number, or a name and a number: '\"Us\" <+358...>'")
    limits: CarrierLimits = Field(CarrierLimits(), description="what the carrier takes")
    routes: dict[Name, Route] = Field(min_length=1, description="where answered calls go, by name")
    ring_timeout: Seconds = Field(30.0, ge=1, le=180, description="how long it may ring")
    ack_timeout: Seconds = Field(
        10.0, gt=0, le=60, description="how long the switch may take to accept an order"
    )
    ping_interval: Seconds = Field(
        10.0, gt=0, le=300, description="how often the link is tried while nothing is said"
    )
    cel_file: Path | None = Field(
        None, description="the switch's event log (CSV), evidence for calls nobody heard end"
    )
    only_prefixes: tuple[str, ...] = Field(
        (), description="beginnings of the numbers (E.164) it may call; empty: any"
    )

    @model_validator(mode="before")
    @classmethod
    def _read_secret(cls, data: Any) -> Any:  # noqa: ANN401 -- unchecked input
        return filled_from_file(data, "secret", "secret_file")

    @field_validator("secret")
    @classmethod
    def _one_line(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value() or not value.get_secret_value().isprintable():
            raise ValueError("must be a password of printable characters on one line")
        return value

    @field_validator("caller_id")
    @classmethod
    def _caller_id(cls, value: str) -> str:
        if not _CALLER_ID.fullmatch(value):
            raise ValueError(
                "must be a number or a name and a number: '\"Kairos\" <+358401234567>'"
            )
        return value

    @field_validator("username", "host")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must not hold line breaks or control characters")
        return value

    @field_validator("channel")
    @classmethod
    def _template(cls, value: str) -> str:
        if len(_NUMBER_MARK.findall(value)) != 1:
            raise ValueError("must hold {number} or {digits} once, like 'PJSIP/{number}@trunk'")
        check_channel(_NUMBER_MARK.sub("1", value))
        return value

    @field_validator("only_prefixes")
    @classmethod
    def _prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            if not re.fullmatch(r"\+[1-9]\d{0,14}", prefix):
                raise ValueError(f"{prefix!r} must be the beginning of a number, like '+35840'")
        return value

    @model_validator(mode="before")
    @classmethod
    def _lab_prefixes(cls, data: Any) -> Any:  # noqa: ANN401 -- unchecked input
        if isinstance(data, dict) and data.get("type") == "lab" and not data.get("only_prefixes"):
            return {**data, "only_prefixes": PRACTICE_PREFIXES}
        return data

    @model_validator(mode="after")
    def _lab_is_harmless(self) -> Self:
        if self.type == "lab":
            if not _is_loopback(self.host):
                raise ValueError("a lab carrier must be on this machine; set host to 127.0.0.1")
            strange = [one for one in self.only_prefixes if not one.startswith(PRACTICE_PREFIXES)]
            if strange:
                raise ValueError(
                    f"a lab carrier may call practice numbers only, not {strange[0]}; "
                    "leave only_prefixes out"
                )
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
