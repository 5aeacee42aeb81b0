"""Writes the configuration of one switch from the templates under ``etc/``."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, Literal

Role = Literal["near", "far"]

CEL_COLUMNS: Final = (
    "eventtype",
    "eventtime",
    "uniqueid",
    "linkedid",
    "channel",
    "context",
    "exten",
    "peer",
    "extra",
)
"""Columns of ``log/cel-custom/kairos.csv``, as ``cel_custom.conf`` orders them."""

_PLACEHOLDER: Final = re.compile(r"@([A-Z_]+)@")
# Asterisk complains at every start about files that are missing, not about empty ones.
_EMPTY: Final = (
    "acl.conf",
    "ccss.conf",
    "cdr.conf",
    "features.conf",
    "udptl.conf",
    "codecs.conf",
    "amd.conf",
    "queuerules.conf",
)
_FOLDERS: Final = ("etc", "lib", "spool", "agi-bin", "log", "log/cel-custom")


def write_config(role: Role, run: Path, values: Mapping[str, str]) -> Path:
    """Lay out the run directory ``run`` of one switch; return its ``asterisk.conf``.

    ``values`` fills the ``@NAME@`` placeholders; ``ETC`` and ``RUN`` are
    added. Raises :class:`KeyError` for a placeholder without a value.
    """
    for folder in _FOLDERS:
        (run / folder).mkdir(parents=True, exist_ok=True)
    etc = run / "etc"
    everything = {**values, "ETC": str(etc), "RUN": str(run)}
    for name in _EMPTY:
        (etc / name).touch()
    for template in _templates(role):
        text = _PLACEHOLDER.sub(
            lambda found: everything[found[1]], template.read_text(encoding="utf-8")
        )
        target = etc / template.name
        target.touch(mode=0o600)
        target.write_text(text, encoding="utf-8")
    return etc / "asterisk.conf"


def _templates(role: Role) -> list[Traversable]:
    base = files("adapters.lab") / "etc"
    return [
        file
        for folder in (base, base / role)
        for file in folder.iterdir()
        if file.name.endswith(".conf")
    ]


def agent_lines(far_sip: int) -> str:
    """Return the SIP lines of agent1 to agent99, who sit at the loopback UDP port ``far_sip``."""
    return "\n".join(
        f"[agent{n}](agent)\naors=agent{n}\n\n"
        f"[agent{n}]\ntype=aor\ncontact=sip:agent{n}@127.0.0.1:{far_sip}\nqualify_frequency=0\n"
        for n in range(1, 100)
    )


def free_ports(*kinds: Literal["tcp", "udp"]) -> list[int]:
    """Return that many different free loopback ports, one for each kind.

    They are free at this moment; nothing keeps them until they are bound.
    """
    sockets = []
    try:
        for kind in kinds:
            one = socket.socket(
                socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
            )
            sockets.append(one)
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
