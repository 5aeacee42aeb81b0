"""Dispositions under any evidence in any order."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.disposition import Disposition, is_upgrade, meaning

_evidence = st.lists(st.sampled_from(Disposition), min_size=1, max_size=20)


def _upgrades(evidence: list[Disposition]) -> list[Disposition]:
    held: list[Disposition] = []
    for told in evidence:
        if is_upgrade(held[-1] if held else None, told):
            held.append(told)
    return held


@given(_evidence)
def test_any_sequence_of_upgrades_only_ever_becomes_more_certain(
    evidence: list[Disposition],
) -> None:
    certainties = [meaning(one).certainty for one in _upgrades(evidence)]
    assert all(before < after for before, after in pairwise(certainties))


@given(_evidence)
def test_repeating_all_evidence_changes_nothing(evidence: list[Disposition]) -> None:
    assert _upgrades(evidence * 2) == _upgrades(evidence)


@given(_evidence.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_the_certainty_reached_does_not_depend_on_the_order(
    orders: tuple[list[Disposition], list[Disposition]],
) -> None:
    one, other = (meaning(_upgrades(told)[-1]).certainty for told in orders)
    assert one == other
