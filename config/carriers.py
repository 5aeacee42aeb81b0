"""Settings of the ways out: which server, with which secret, how much it takes, where calls go."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from config.practice_numbers import PRACTICE_PREFIXES
from config.values import Name, Seconds, Strict

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

    cafile: Path | None = None
    server_hostname: str | None = None


class CarrierLimits(Strict):
    """What the carrier takes."""

    calls_per_second: float = Field(1.0, gt=0, le=1000, allow_inf_nan=False)
    concurrent_calls: int = Field(10, ge=1)
    burst: int = Field(1, ge=1)


class Route(Strict):
    """Where in the dialplan an answered person goes.

    ``needs_agent``: the person must be connected to somebody, else the call counts as abandoned.
    ``amd``: the dialplan listens for answering machines there.
    """

    context: str = Field(description="the dialplan context answered calls are sent to")
    exten: str = "s"
    priority: int = Field(1, ge=1)
    needs_agent: bool = True
    amd: bool = False

    @field_validator("context", "exten")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not _DIALPLAN_WORD.fullmatch(value):
            raise ValueError("must be a plain dialplan name (letters, digits, '_', '.', '-')")
        if value in _SPECIAL_EXTENSIONS:
            raise ValueError(f"{value!r} is special in every dialplan; name another")
        return value


class Carrier(Strict):
    """One way out. ``type: lab`` is the practice switch: loopback and practice numbers only.

    Times in seconds. ``channel`` holds ``{number}`` (E.164 with plus) or ``{digits}`` (without).
    ``secret`` wins over ``secret_file``, so that a variable can override it.
    ``only_prefixes``: E.164 beginnings this carrier may call; empty means any.
    """

    type: Literal["asterisk", "lab"] = Field(description="asterisk or lab")
    host: str = "127.0.0.1"
    port: int = Field(5038, ge=1, le=65535)
    username: str = Field("kairos", min_length=1)
    secret: SecretStr = Field(
        description="the password of the manager user; better: secret_file, or the variable "
        "KAIROS_CARRIERS__<NAME>__SECRET"
    )
    secret_file: Path | None = None
    tls: Tls | None = None
    channel: str = Field(description="how to dial a number, like 'PJSIP/{number}@trunk'")
    caller_id: str = ""
    limits: CarrierLimits = CarrierLimits()
    routes: dict[Name, Route] = Field(min_length=1, description="where answered calls go, by name")
    ring_timeout: Seconds = Field(30.0, ge=1, le=180)
    ack_timeout: Seconds = Field(10.0, gt=0, le=60)
    ping_interval: Seconds = Field(10.0, gt=0, le=300)
    cel_file: Path | None = None
    only_prefixes: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _read_secret(cls, data: Any) -> Any:  # noqa: ANN401 -- unchecked input
        if not isinstance(data, dict) or data.get("secret") or not data.get("secret_file"):
            return data
        try:
            secret = Path(str(data["secret_file"])).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            why = getattr(problem, "strerror", None) or "not text"
            raise ValueError(f"secret_file cannot be read ({why}); check path and rights") from None
        if not secret:
            raise ValueError("secret_file is empty; put the password into it")
        return {**data, "secret": secret}

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
