"""A callback that cannot be judged is not called, and holds up nobody else."""

from __future__ import annotations

import pytest

from gateway.app import dispatch
from gateway.domain.change import Candidate, Change
from gateway.domain.machine import CallbackState
from gateway.domain.reserve import Terms, decide
from tests.support.harness import gateway_of

KAISA, OLLI = "+358401234567", "+358501234589"


async def test_rules_that_fail_for_one_contact_do_not_stop_the_calls_to_others() -> None:
    def broken_for_kaisa(candidate: Candidate, terms: Terms) -> Change:
        if candidate.contact.numbers[0].e164 == KAISA:
            raise ZeroDivisionError
        return decide(candidate, terms)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch, "decide", broken_for_kaisa)
        async with gateway_of() as one:
            kaisa, _ = await one.ask(KAISA, OLLI)
            await one.clock.advance(1.0)
            assert one.numbers() == [OLLI]
            callback = (await one.way(kaisa)).callback
            assert callback.state is CallbackState.SCHEDULED
            assert "the rules could not be applied" in callback.state_reason
