"""Write the pages of this folder that are generated from the code: ``python docs/generate.py``."""  # noqa: INP001 -- a script, not a package

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from config.schema import schema_text
from gateway.cli.reference import reference
from gateway.domain.machine import (
    CALLBACK_TABLE,
    LEG_TABLE,
    CallbackEvent,
    CallbackState,
    LegEvent,
    LegState,
    diagram,
)

__all__ = ["pages"]

_HERE = Path(__file__).parent
_State = TypeVar("_State", bound=StrEnum)
_Event = TypeVar("_Event", bound=StrEnum)

_STATE_MACHINES = """\
# State machines

<!-- Generated from gateway/domain/machine.py by `python docs/generate.py`; do not edit. -->

Everything that moves a callback or a leg goes through one of these two tables. News may come late,
twice or in another order than it happened: where that is harmless, the table leaves the state as
it is. A step that is in no table is refused, and nothing changes. A terminal state is never left;
what is learnt later about a leg that is over can only upgrade its disposition.

{diagram}
## Every pair

A cell is the state after the event; an empty one is refused.

### Callback

{callback}

### Leg

{leg}
"""


def _matrix(
    states: type[_State], events: type[_Event], table: Mapping[tuple[_State, _Event], _State]
) -> str:
    lines = [
        "| | " + " | ".join(event.value for event in events) + " |",
        "|---" * (len(events) + 1) + "|",
    ]
    for state in states:
        cells = [table[state, event].value if (state, event) in table else "" for event in events]
        lines.append(f"| **{state}** | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def pages() -> dict[Path, str]:
    """Return every generated page and what it must say."""
    state_machines = _STATE_MACHINES.format(
        diagram=diagram(),
        callback=_matrix(CallbackState, CallbackEvent, CALLBACK_TABLE),
        leg=_matrix(LegState, LegEvent, LEG_TABLE),
    )
    return {
        _HERE / "state-machines.md": state_machines,
        _HERE / "kairos.schema.json": schema_text(),
        _HERE / "cli.md": reference(),
    }


def main() -> None:
    """Write all generated pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
