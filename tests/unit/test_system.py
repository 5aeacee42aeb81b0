"""The machine's clock, and names that sort, differ and fit everywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from adapters.system import RandomIds, SystemClock


class Wall:
    """A wall clock to be set by hand, in milliseconds since 1970."""

    milliseconds = 1_770_000_000_000

    def __call__(self) -> int:
        return self.milliseconds * 1_000_000


def test_kinds_of_ids() -> None:
    ids = RandomIds()
    for prefix, name in (
        ("cb", ids.callback_id()),
        ("ct", ids.contact_id()),
        ("at", ids.attempt_id()),
        ("kairos", ids.leg_id()),
    ):
        assert re.fullmatch(f"{prefix}[0-9a-hjkmnp-tv-z]{{26}}", name)


def test_a_leg_id_has_always_32_characters_and_is_not_the_start_of_another() -> None:
    wall = Wall()
    ids = RandomIds(wall)
    names = []
    for wall.milliseconds in (0, 1, 1_770_000_000_000, 2**48 - 1):
        names += [ids.leg_id() for _ in range(50)]
    assert {len(name) for name in names} == {32}
    assert all(name.islower() and name.isalnum() for name in names)
    assert len(set(names)) == len(names)


def test_ids_sort_by_time_of_creation_even_when_the_clock_is_put_back() -> None:
    wall = Wall()
    ids = RandomIds(wall)
    names = []
    for step in (0, 0, 1, 5, -3_600_000, 0, 7_200_000):
        wall.milliseconds += step
        names += [ids.callback_id() for _ in range(3)]
    assert names == sorted(names)
    assert len(set(names)) == len(names)


def test_two_processes_draw_different_ids() -> None:
    wall = Wall()
    assert RandomIds(wall).leg_id() != RandomIds(wall).leg_id()


async def test_the_clock() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 60
    assert clock.now().tzinfo is UTC
    await clock.sleep(0)
    assert clock.monotonic() >= before
