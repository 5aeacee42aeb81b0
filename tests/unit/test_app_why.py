"""Every reason why nothing is dialing is told, with its remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory import ManualClock, MemoryDialer, MemoryStore
from gateway.app.reasons import CarrierView, Reason, Snapshot, Standing, Subject, reasons
from gateway.app.spec import QueueSpec
from gateway.domain.disposition import Disposition
from gateway.domain.errors import BadInput, NotFound, StoreUnavailable
from gateway.domain.events import CallNews
from gateway.domain.machine import CallbackState
from gateway.domain.model import Number
from gateway.domain.pacing import Limits
from gateway.domain.records import HOLD_ALL, Hold
from gateway.ports import CarrierStatus
from tests.support.builders import (
    NOW,
    NUMBER,
    a_callback,
    a_contact,
    a_law,
    after,
    an_attempt,
)
from tests.support.harness import gateway_of

KAISA = "+358401234567"
SUPPORT = QueueSpec(name="support", carriers=("pbx", "cloud"), route="connect")
DESK = QueueSpec(name="support", carriers=("pbx",), route="bridge", agents=("PJSIP/anna",))
UP = CarrierView(status=CarrierStatus(name="pbx", up=True, reason=""), room=2)
DOWN = CarrierView(status=CarrierStatus(name="pbx", up=False, reason="connection refused"), room=2)
HELD = Hold(target=HOLD_ALL, reason="fire drill", by="anna", since=NOW)
FINE = Snapshot(
    now=NOW,
    law=a_law(),
    queues={"support": SUPPORT},
    standing=Standing(carriers={"pbx": UP}),
    due={"support": NOW},
    subject=Subject(callback=a_callback(), contact=a_contact()),
)
QUEUES = replace(FINE, subject=None)
TRIED = an_attempt(
    closed_at=after(-7000), reserved_at=after(-7200), disposition=Disposition.NO_ANSWER
)


def _standing(**changes: object) -> Standing:
    return replace(Standing(carriers={"pbx": UP}), **changes)  # type: ignore[arg-type]


def _subject(**changes: object) -> Subject:
    return replace(FINE.subject or Subject(callback=a_callback(), contact=a_contact()), **changes)  # type: ignore[arg-type]


Change = Callable[[Snapshot], Snapshot]
OF_ALL: list[tuple[str, str, Change]] = [
    ("not_running", "no service runs", lambda one: replace(one, standing=None)),
    ("stopping", "the gateway is stopping", lambda one: replace(
        one, standing=_standing(stopping="the gateway is stopping"))),
    ("database", "no space is left", lambda one: replace(
        one, standing=_standing(database_trouble="no space is left"))),
    ("database", "it does not answer", lambda one: replace(
        one, database_trouble="it does not answer")),
    ("hold", "all calls are held since 2026-03-10 08:00 UTC by anna: fire drill",
     lambda one: replace(one, holds=(HELD,))),
    ("hold", "queue support is held", lambda one: replace(
        one, holds=(replace(HELD, target="queue:support"),))),
    ("carrier_down", "carrier pbx is down: connection refused", lambda one: replace(
        one, standing=_standing(carriers={"pbx": DOWN}))),
    ("carrier_down", "carrier cloud is not configured", lambda one: replace(
        one, standing=_standing(carriers={"pbx": DOWN}))),
    ("carrier_down", "does not let us in: wrong secret", lambda one: replace(
        one, standing=_standing(carriers={"pbx": replace(DOWN, refused="wrong secret")}))),
    ("no_room", "as many calls as they take", lambda one: replace(
        one, standing=_standing(carriers={"pbx": replace(UP, room=0)}))),
    ("no_room", "as many calls as they take", lambda one: replace(
        one, queues={"support": DESK}, standing=_standing(carriers={"pbx": replace(UP, room=1)}))),
    ("no_agent", "every agent is in a call", lambda one: replace(
        one, queues={"support": DESK}, standing=_standing(busy_agents=frozenset(DESK.agents)))),
]  # fmt: skip
OF_QUEUES: list[tuple[str, str, Change]] = [
    ("no_queue", "no such queue", lambda one: replace(one, queues={})),
    ("nothing_waiting", "no callback waits", lambda one: replace(one, due={})),
    ("due_later", "the next callback is due at 09:00 UTC", lambda one: replace(
        one, due={"support": after(3600)})),
]  # fmt: skip
OF_CALLBACKS: list[tuple[str, str, Change]] = [
    ("no_queue", "its queue support is not configured", lambda one: replace(one, queues={})),
    ("dialing", "being called right now", lambda one: replace(
        one, subject=_subject(callback=a_callback(state=CallbackState.DIALING)))),
    ("closed", "it is closed (done): reached", lambda one: replace(
        one, subject=_subject(
            callback=a_callback(state=CallbackState.DONE, state_reason="reached")))),
    ("deadline", "its deadline passed at 09:00 in Europe/Helsinki", lambda one: replace(
        one, subject=_subject(callback=a_callback(deadline=after(-3600))))),
    ("do_not_call", "do-not-call list", lambda one: replace(
        one, subject=_subject(do_not_call=frozenset({NUMBER})))),
    ("no_number", "known to work", lambda one: replace(
        one, subject=_subject(
            contact=a_contact(numbers=(Number(e164=NUMBER, invalid_since=NOW),))))),
    ("outside_window", "calling hours; calls are allowed again on Wed 2026-03-11 at 08:00",
     lambda one: replace(one, now=NOW + timedelta(hours=12))),
    ("no_law", "no calling rule for country SE", lambda one: replace(
        one, subject=_subject(contact=a_contact(country="SE")))),
    ("no_law", "time zone unknown", lambda one: replace(
        one, subject=_subject(contact=a_contact(zone=None)))),
    ("gap", "minimum gap since the last attempt; the next is allowed at 12:00 in Europe/Helsinki",
     lambda one: replace(one, subject=_subject(attempts=(TRIED,)))),
    ("cap", "3 attempts today, at most 3; the next is allowed on Wed 2026-03-11 at 00:00",
     lambda one: replace(one, subject=_subject(attempts=(replace(TRIED, min_gap=0.0),) * 3))),
    ("busy", "in another call of ours", lambda one: replace(
        one, subject=_subject(attempts=(an_attempt(),)))),
    ("due_later", "it is due at 11:00 in Europe/Helsinki: first try", lambda one: replace(
        one, subject=_subject(
            callback=a_callback(due_at=after(3600), state_reason="first try")))),
]  # fmt: skip


def _find(found: list[Reason], code: str, text: str) -> None:
    assert [one for one in found if one.code == code and text in one.text], found
    assert all(one.remedy for one in found if one.code != "dialing")
    assert NUMBER not in str(found)


@pytest.mark.parametrize(("code", "text", "change"), [*OF_ALL, *OF_CALLBACKS])
def test_a_reason_against_a_callback_is_told(code: str, text: str, change: Change) -> None:
    assert reasons(FINE) == []
    _find(reasons(change(FINE)), code, text)


@pytest.mark.parametrize(("code", "text", "change"), [*OF_ALL, *OF_QUEUES])
def test_a_reason_against_queues_is_told(code: str, text: str, change: Change) -> None:
    assert reasons(QUEUES) == []
    _find(reasons(change(QUEUES)), code, text)


def test_a_second_carrier_that_is_up_is_enough() -> None:
    standing = _standing(carriers={"pbx": DOWN, "cloud": UP})
    assert reasons(replace(FINE, standing=standing)) == []


class Unreadable(MemoryStore):
    """A memory store that can stop answering."""

    down = False

    async def next_due(self, queues: object) -> None:
        if self.down:
            raise StoreUnavailable("the connection broke")


async def test_a_gateway_tells_what_stands_in_the_way_as_it_changes() -> None:
    clock = ManualClock()
    dialer = MemoryDialer(clock, "pbx", Limits(calls_per_second=9, concurrent_calls=1, burst=1))
    async with gateway_of(clock=clock, dialer=dialer) as one:
        why = one.office.why.why
        assert [each.code for each in await why()] == ["nothing_waiting"]
        first, second = await one.ask(KAISA, "+358501234589")
        assert [each.code for each in await why(callback_id=first)] == ["dialing"]
        assert [each.code for each in await why(callback_id=second)] == ["no_room"]
        assert [each.code for each in await why("support")] == ["no_room"]
        await one.tell(CallNews.RINGING, end=Disposition.NO_ANSWER)
        await one.store.do_not_call("+358501234589", "asked for it", clock.now())
        codes = [each.code for each in await why(callback_id=first)]
        assert codes == ["no_room", "gap", "due_later"]
        dialer.link_down()
        await clock.advance(0.05)
        assert [each.code for each in await why()][:1] == ["carrier_down"]
        with pytest.raises(BadInput, match="known are: support"):
            await why("sales")
        with pytest.raises(NotFound):
            await why(callback_id="nobody")
    assert [each.code for each in await why()][:1] == ["stopping"]


async def test_a_database_that_does_not_answer_is_a_reason_and_no_error() -> None:
    clock = ManualClock()
    store = Unreadable(clock)
    async with gateway_of(store, clock=clock) as one:
        store.down = True
        codes = [each.code for each in await one.office.why.why()]
        assert codes[0] == "database"
        store.down = False
