"""The numbers of the practice world: reserved by regulators for fiction, nobody ever has them.

The lab's people live at these numbers; a carrier of type ``lab`` may call no others.
"""

from __future__ import annotations

from typing import Final

__all__ = ["PRACTICE_PREFIXES"]

PRACTICE_PREFIXES: Final = (
    "+441134960",
    "+441144960",
    "+441164960",
    "+441174960",
    "+441184960",
    "+441214960",
    "+441314960",
    "+441414960",
    "+441514960",
    "+441614960",
    "+441914980",
    "+442079460",
    "+442896496",
    "+442920180",
    "+3319900",
    "+6125550",
    "+121255501",
    "+130355501",
    "+131055501",
    "+131255501",
)
"""What a practice number begins with; together with a valid length it is a number of the lab."""
