"""What one Asterisk needs to be told, as plain values; checked when built."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.domain.errors import BadInput
from gateway.domain.pacing import Limits

__all__ = ["AsteriskSettings", "Route", "Secret"]

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_CHANNEL: Final = re.compile(r"[A-Za-z0-9_.@:;+/-]{1,200}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
# Nothing that the dialplan's reader would take for its own: no quotes, brackets, $ or backslash.
_VALUE: Final = re.compile(r"[\w @./:;,+*#=%-]{0,300}")
_CALLER_ID: Final = re.compile(r'(?:"[^"<>\\\x00-\x1f\x7f]{0,80}" ?)?<?[0-9+*#]{1,40}>?|')
_PREFIX: Final = re.compile(r"[a-z][a-z0-9]{0,15}")
_SPECIAL_EXTENSIONS: Final = frozenset({"failed", "h", "i", "t", "o", "a", "e", "T"})


class Secret:
    """A password that does not show itself in logs, messages or tracebacks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the password itself, for the wire only."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where an answered person goes: a fixed place in the dialplan.

    ``needs_agent``: they must be connected to somebody, else the call is abandoned. ``amd``: the
    dialplan runs AMD() there. ``variables`` are set on the channel. ``agent_variable`` carries the
    channel of the agent who waits, in routes that bridge to one.
    """

    context: str
    exten: str
    priority: int = 1
    needs_agent: bool = False
    amd: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    agent_variable: str = "KAIROS_AGENT"

    def __post_init__(self) -> None:
        _must(_NAME.fullmatch(self.context), "context", "is not a dialplan context")
        is_plain = _NAME.fullmatch(self.exten) and not self.exten.startswith("_")
        _must(is_plain, "exten", "is not one extension")
        _must(self.exten not in _SPECIAL_EXTENSIONS, "exten", "is special in every dialplan")
        _must(self.priority >= 1, "priority", "must be 1 or more")
        for name, value in (*self.variables.items(), (self.agent_variable, "")):
            _must(_VARIABLE.fullmatch(name), "variables", f"{name!r} is not a variable name")
            _must(_VALUE.fullmatch(value), "variables", f"the value of {name} is not plain text")


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskSettings:
    """One Asterisk as a carrier. Durations are seconds.

    ``channel_template`` holds ``{number}`` (E.164 with plus) or ``{digits}`` (without);
    ``agents`` maps an agent's dial target to a channel; ``leg_prefix`` begins every leg id.
    TLS is used when ``tls_ca`` (a PEM file) is given or ``tls`` is set. ``settle``: how long after
    a write the absence of evidence may begin to mean something. ``boot_wait``: how
    long after a login to wait for word that Asterisk has booted fully; a user without
    ``read=system`` never gets it. ``event_queue``: news kept for
    a slow reader; beyond it the link is dropped and everything reconciled.
    """

    name: str
    host: str
    port: int = 5038
    username: str
    secret: Secret
    channel_template: str
    routes: Mapping[str, Route]
    limits: Limits
    agents: Mapping[str, str] = field(default_factory=dict)
    caller_id: str = ""
    leg_prefix: str = "kairos"
    tls: bool = False
    tls_ca: Path | None = None
    tls_server_name: str | None = None
    connect_timeout: float = 5.0
    login_timeout: float = 5.0
    ack_timeout: float = 5.0
    ping_interval: float = 7.0
    ping_timeout: float = 5.0
    settle: float = 5.0
    boot_wait: float = 3.0
    event_queue: int = 10_000
    cel_file: Path | None = None

    def __post_init__(self) -> None:
        marks = self.channel_template.count("{number}") + self.channel_template.count("{digits}")
        rest = self.channel_template.replace("{number}", "").replace("{digits}", "")
        _must(marks == 1, "channel_template", "needs {number} or {digits} exactly once")
        _must(_CHANNEL.fullmatch(rest), "channel_template", "is not a channel like PJSIP/x@trunk")
        for target, channel in self.agents.items():
            _must(_CHANNEL.fullmatch(channel), "agents", f"{target!r} has no usable channel")
        _must(_CALLER_ID.fullmatch(self.caller_id), "caller_id", 'should look like "Name" <+4412>')
        _must(_PREFIX.fullmatch(self.leg_prefix), "leg_prefix", "must be lower-case letters")
        _must(self.event_queue > 0, "event_queue", "must be positive")
        for name in ("connect", "login", "ack", "ping"):
            _must(getattr(self, f"{name}_timeout") > 0, f"{name}_timeout", "must be positive")
        _must(self.ping_interval > 0, "ping_interval", "must be positive")
        _must(self.settle >= 0, "settle", "must not be negative")

    @property
    def uses_tls(self) -> bool:
        """Whether the link is encrypted."""
        return self.tls or self.tls_ca is not None


def _must(holds: object, name: str, problem: str) -> None:
    if not holds:
        raise BadInput(f"asterisk.{name}", problem)
