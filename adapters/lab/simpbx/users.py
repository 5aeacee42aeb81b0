"""AMI users as manager.conf describes them: rights and event filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

CLASSES: Final = (
    *("system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf"),
    *("reporting", "cdr", "dialplan", "originate", "agi", "cc", "aoc", "test", "security"),
    "message",
)
_BIT: Final = {name: 1 << n for n, name in enumerate(CLASSES)}
ALL: Final = (1 << len(CLASSES)) - 1
SYSTEM: Final = _BIT["system"]
AGENT: Final = _BIT["agent"]
CALL: Final = _BIT["call"]
DIALPLAN: Final = _BIT["dialplan"]
ORIGINATE: Final = _BIT["originate"]
REPORTING: Final = _BIT["reporting"]


def rights(text: str) -> int:
    """Read a list of classes such as ``call,system`` into a mask; unknown words count nothing."""
    words = {word.strip().lower() for word in text.split(",")}
    if "all" in words or "-1" in words:
        return ALL
    return sum(_BIT.get(word, 0) for word in words)


def privilege(mask: int) -> str:
    """Write a mask the way the ``Privilege`` header has it."""
    return ",".join([*(name for name in CLASSES if _BIT[name] & mask), "all"])


_Test = Callable[[str, str], bool]
_METHODS: Final[dict[str, _Test]] = {
    "exact": lambda value, pattern: value == pattern,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": lambda value, pattern: pattern in value,
    "regex": lambda value, pattern: re.search(pattern, value) is not None,
    "none": lambda _value, _pattern: True,
}
_CRITERION: Final = re.compile(r"(action|name|header|method)\(([^)]*)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """One ``eventfilter`` line, in the old form (a regex) or the new one.

    ``name`` or ``header`` empty: any event, the whole text of it.
    """

    exclude: bool = False
    name: str = ""
    header: str = ""
    method: str = "none"
    pattern: str = ""

    @classmethod
    def parse(cls, criteria: str, pattern: str) -> EventFilter:
        """Read ``eventfilter`` with its criteria (may be empty) and its value.

        Raises :class:`ValueError` for a method that does not exist.
        """
        if not criteria:
            exclude = pattern.startswith("!")
            return cls(exclude=exclude, method="regex", pattern=pattern.removeprefix("!"))
        found = {match[1]: match[2].strip() for match in _CRITERION.finditer(criteria)}
        method = found.get("method", "regex" if pattern else "none")
        if method not in _METHODS:
            raise ValueError(f"eventfilter has no method {method!r}")
        return cls(
            exclude=found.get("action", "include") == "exclude",
            name=found.get("name", ""),
            header=found.get("header", ""),
            method=method,
            pattern=pattern,
        )

    def matches(self, name: str, body: str) -> bool:
        """Tell whether an event is meant; ``body`` is made of its header lines."""
        if self.name and self.name != name:
            return False
        if self.method == "none":
            return True
        value = _header(body, self.header) if self.header else f"Event: {name}\r\n{body}"
        return value is not None and _METHODS[self.method](value, self.pattern)


def _header(body: str, name: str) -> str | None:
    found = re.search(rf"^{re.escape(name)}: ?(.*?)\r$", body, re.MULTILINE)
    return None if found is None else found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiUser:
    """One user. ``write_timeout`` in seconds: how long a client may leave its mail unread."""

    name: str
    secret: str = field(repr=False)
    read: int = ALL
    write: int = ALL
    filters: tuple[EventFilter, ...] = ()
    multiple: bool = True
    write_timeout: float = 0.1

    def may_see(self, name: str, body: str) -> bool:
        """Apply the filters: includes first, then excludes."""
        if not self.filters:
            return True
        includes = [one for one in self.filters if not one.exclude]
        if includes and not any(one.matches(name, body) for one in includes):
            return False
        return not any(one.exclude and one.matches(name, body) for one in self.filters)

    def could_see(self, name: str) -> bool:
        """Tell whether any event ``name`` could pass the filters."""
        includes = [one for one in self.filters if not one.exclude]
        return not includes or any(one.name in {"", name} for one in includes)


def users_from_conf(text: str, values: Mapping[str, str]) -> dict[str, AmiUser]:
    """Read the users of a manager.conf; ``values`` fills its ``@NAME@`` placeholders.

    Raises :class:`KeyError` for a placeholder without a value.
    """
    filled = re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], text)
    return {name: _user(name, lines) for name, lines in _sections(filled) if name != "general"}


def lab_users(user: str, secret: str, observer_secret: str) -> dict[str, AmiUser]:
    """Return the very users of the real lab: the gateway's and the observer."""
    text = (files("adapters.lab") / "etc" / "near" / "manager.conf").read_text(encoding="utf-8")
    values = {
        "AMI_PORT": "0",
        "AMI_USER": user,
        "AMI_SECRET": secret,
        "OBSERVER_SECRET": observer_secret,
    }
    return users_from_conf(text, values)


def _sections(text: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    name, lines = "", list[tuple[str, str]]()
    for raw in text.splitlines():
        line = raw.partition(";")[0].strip()
        if line.startswith("["):
            if name:
                yield name, lines
            name, lines = line[1 : line.index("]")], []
        elif "=" in line:
            # Criteria may hold no "=", so the last-but-first one parts key and value.
            key, _, value = line.partition("=")
            lines.append((key.strip(), value.lstrip("> ").strip()))
    if name:
        yield name, lines


def _user(name: str, lines: list[tuple[str, str]]) -> AmiUser:
    last = dict(lines)
    filters = [
        EventFilter.parse(key.removeprefix("eventfilter").strip().removeprefix("(")[:-1], value)
        for key, value in lines
        if key.startswith("eventfilter")
    ]
    return AmiUser(
        name=name,
        secret=last.get("secret", ""),
        read=rights(last.get("read", "")),
        write=rights(last.get("write", "")),
        filters=tuple(filters),
        multiple=last.get("allowmultiplelogin", "yes") in {"yes", "true", "on", "1"},
        write_timeout=int(last.get("writetimeout", "100")) / 1000,
    )
