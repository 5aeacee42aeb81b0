"""What ``kairos init`` has to know: the answers, how each is checked, and what to ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from config.carriers import Carrier, Route
from config.countries import ANY_COUNTRY, load_countries
from config.problems import did_you_mean
from config.queues import Queue
from config.values import Strict
from gateway.cli.root import PbxLogin

__all__ = ["DIALPLAN", "PBX", "RULES", "Answers", "Question", "problems"]

_ROUTE: Final = "people"
_SHORTEST_SECRET: Final = 16
_MOST_A_SECOND: Final = 1000


@dataclass(slots=True, kw_only=True)
class Answers:
    """Everything a configuration is made of, as it was typed.

    ``secret_file``: there already, to be used as it is. ``secret_from`` names the variable that
    holds the secret. With either of them no file is written for it.
    """

    host: str = "127.0.0.1"
    port: str = "5038"
    user: str = "kairos"
    secret: str = field(default="", repr=False)
    secret_file: Path | None = None
    secret_from: str = ""
    tls_ca: Path | None = None
    channel: str = "PJSIP/{number}@trunk"
    caller_id: str = ""
    context: str = "kairos-support"
    exten: str = "queue"
    country: str = ""
    queue: str = "support"
    deadline: str = "2d"
    rate: str = "1"
    carrier: str = "pbx"

    def login(self) -> PbxLogin:
        """Return how to look at this PBX."""
        return PbxLogin(
            host=self.host,
            port=int(self.port),
            username=self.user,
            secret=self.secret,
            tls=self.tls_ca is not None,
            cafile=self.tls_ca,
            places=((self.context, self.exten),),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. ``check`` raises ValueError with a sentence; ``hint`` is told before it."""

    key: str
    text: str
    check: Callable[[str], None]
    hint: str = ""

    @property
    def option(self) -> str:
        """The option that answers it."""
        return f"--{self.key.replace('_', '-')}"


def problems(answers: Answers) -> Iterator[str]:
    """Check all answers; yield a sentence for each that cannot be used."""
    for one in (*PBX, *DIALPLAN, *RULES):
        try:
            one.check(getattr(answers, one.key))
        except ValueError as problem:
            yield f"{one.option}: {problem}"


_CARRIER: Final = {
    "type": "asterisk",
    "secret": "x",
    "channel": "PJSIP/{number}@x",
    "routes": {_ROUTE: {"context": "x"}},
}


def _part(model: type[Strict], others: dict[str, Any], key: str, value: str) -> None:
    """Check one value the way the settings will."""
    try:
        model.model_validate({**others, key: value})
    except ValueError as error:
        raise ValueError(_sentence(error)) from None


def _sentence(error: ValueError) -> str:
    errors: Any = getattr(error, "errors", None)
    text = str(errors(include_url=False, include_input=False)[0]["msg"]) if errors else str(error)
    text = text.removeprefix("Value error, ").replace("Input should be", "must be")
    return text[:1].lower() + text[1:]


_carrier = partial(_part, Carrier, _CARRIER)
_route = partial(_part, Route, {"context": "x"})
_queue = partial(_part, Queue, {"carriers": ["x"], "route": _ROUTE})


def _rate(value: str) -> None:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number <= _MOST_A_SECOND:
        raise ValueError("must be calls a second, like 1 or 0.5")


def _country(value: str) -> None:
    known = set(load_countries().countries) - {ANY_COUNTRY}
    if value not in known:
        raise ValueError(
            f"must be one there are calling rules for; {did_you_mean(value.upper(), known)}"
        )


def _secret(value: str) -> None:
    _carrier("secret", value)
    if len(value) < _SHORTEST_SECRET:
        raise ValueError(f"too short: at least {_SHORTEST_SECRET} characters, random ones")


PBX: Final = (
    Question(key="host", text="Host of the PBX", check=partial(_carrier, "host")),
    Question(
        key="port",
        text="Manager port",
        check=partial(_carrier, "port"),
        hint="5038 as a rule; see port in manager.conf.",
    ),
    Question(key="user", text="Manager user", check=partial(_carrier, "username")),
    Question(
        key="secret",
        text="Its secret (hidden; empty: one is made up)",
        check=_secret,
    ),
)
"""Where the PBX is and who we are there."""

DIALPLAN: Final = (
    Question(
        key="channel",
        text="How to dial",
        check=partial(_carrier, "channel"),
        hint="{number} stands for +358401234567, {digits} for 358401234567. With a trunk of "
        "yours:\n  PJSIP/{number}@trunk    chan_pjsip, the trunk's endpoint\n"
        "  SIP/trunk/{digits}      chan_sip\n"
        "  Local/{digits}@outgoing as your own dialplan dials",
    ),
    Question(
        key="caller_id",
        text="Caller id shown to people (empty: the trunk's own)",
        check=partial(_carrier, "caller_id"),
    ),
    Question(
        key="context",
        text="Context for people who answered",
        check=partial(_route, "context"),
        hint="Where your dialplan puts an answered person through, to a queue mostly.",
    ),
    Question(key="exten", text="Extension there", check=partial(_route, "exten")),
)
"""How calls go out, and where answered people go."""

RULES: Final = (
    Question(
        key="country",
        text="Country of your numbers, two letters",
        check=_country,
        hint="How numbers without + are read, whose calling hours and holidays hold, and the only "
        "country that is called until you add others.",
    ),
    Question(key="queue", text="Name of the queue of callbacks", check=partial(_queue, "route")),
    Question(
        key="deadline",
        text="How long after a request a call still makes sense",
        check=partial(_queue, "deadline"),
    ),
    Question(key="rate", text="Calls a second your trunk takes", check=_rate),
)
"""Whom to call and how."""
