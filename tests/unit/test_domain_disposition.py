"""Dispositions: what each counts as, and which may replace which when evidence comes late."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.domain.disposition import Disposition, is_upgrade, meaning

D = Disposition


@pytest.mark.parametrize("disposition", Disposition)
def test_every_disposition_has_a_meaning(disposition: Disposition) -> None:
    assert meaning(disposition).certainty >= 0


def test_the_legal_caps_count_every_call_whose_phone_may_have_rung() -> None:
    assert {one for one in Disposition if meaning(one).reached_contact} == {
        D.ANSWERED_HUMAN,
        D.ANSWERED_MACHINE,
        D.ABANDONED,
        D.BUSY,
        D.NO_ANSWER,
        D.REJECTED,
        D.CANCELED,
        D.UNRESOLVED,
    }


def test_what_was_our_fault_does_not_use_up_an_attempt() -> None:
    assert {one for one in Disposition if not meaning(one).uses_attempt} == {
        D.ABANDONED,
        D.AGENT_NO_ANSWER,
        D.CANCELED,
        D.CONGESTION,
        D.FAILED,
    }


def test_what_cannot_be_known_counts_as_attempted() -> None:
    unknown = meaning(D.UNRESOLVED)
    assert unknown.reached_contact
    assert unknown.uses_attempt


@pytest.mark.parametrize("disposition", Disposition)
def test_any_disposition_is_better_than_none(disposition: Disposition) -> None:
    assert is_upgrade(None, disposition)


@pytest.mark.parametrize("disposition", Disposition)
def test_no_disposition_replaces_itself(disposition: Disposition) -> None:
    assert not is_upgrade(disposition, disposition)


def test_no_two_dispositions_replace_each_other() -> None:
    pairs = product(Disposition, Disposition)
    assert not [(a, b) for a, b in pairs if is_upgrade(a, b) and is_upgrade(b, a)]


def test_an_upgrade_of_an_upgrade_is_an_upgrade() -> None:
    for a, b, c in product(Disposition, repeat=3):
        if is_upgrade(a, b) and is_upgrade(b, c):
            assert is_upgrade(a, c)


@pytest.mark.parametrize("disposition", sorted(set(Disposition) - {D.UNRESOLVED}))
def test_whatever_is_learnt_late_replaces_unresolved(disposition: Disposition) -> None:
    assert is_upgrade(D.UNRESOLVED, disposition)


@pytest.mark.parametrize("disposition", Disposition)
def test_nothing_takes_an_answer_back(disposition: Disposition) -> None:
    assert not is_upgrade(D.ANSWERED_HUMAN, disposition)


def test_a_voicemail_stays_a_voicemail_for_a_source_that_cannot_tell() -> None:
    assert not is_upgrade(D.ANSWERED_MACHINE, D.ANSWERED_HUMAN)


@pytest.mark.parametrize("disposition", [D.ANSWERED_HUMAN, D.ANSWERED_MACHINE])
def test_an_abandoned_call_can_turn_out_to_have_been_taken(disposition: Disposition) -> None:
    assert is_upgrade(D.ABANDONED, disposition)
