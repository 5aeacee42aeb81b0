"""With a guard turned off the auditor goes red: so its green means something.

Three guards here; ``python -m tests.fault.mutations`` turns off all of them, with more kills.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.mutations import broken, challenge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

_KILLS = 2
_TRIES = 3


@pytest.mark.parametrize(
    ("mutant", "seen"),
    [
        ("sent_before_it_is_durable", "twice: denied call"),
        ("sent_again_at_start", "twice: one leg, sent again"),
        ("closed_in_two_steps", "lost: forgotten"),
    ],
)
async def test_a_gateway_without_this_guard_is_found_out(
    tmp_path: Path, tell: Callable[[str, str], None], mutant: str, seen: str
) -> None:
    found = ""
    for seed in range(_TRIES):  # a kill may miss the moment that matters
        folder = tmp_path / str(seed)
        folder.mkdir()
        found = broken(await challenge(folder, mutant, "gateway killed", _KILLS, seed))
        if seen in found:
            break
    tell(f"{mutant}, {_KILLS} kills", found)
    assert seen in found
