"""Whatever comes, in whatever order: no crash, one end per leg, nothing kept."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from adapters.asterisk.translate import VARIABLES, WANTED, Living, Translator
from adapters.asterisk.wire import Framer
from gateway.domain.events import CallEvent, CallNews

NOW = datetime(2026, 3, 10, tzinfo=UTC)
GREETING = b"Asterisk Call Manager/9.0.0\r\n"
LEGS = [f"k{n}".ljust(32, "0") for n in range(3)]
_IDS = st.sampled_from([*LEGS, LEGS[0] + ";2", "1700000000.1", "", "k"])
_BRIDGES = st.sampled_from(["b1", "b2", ""])
_HEADERS = {
    "ActionID": st.sampled_from(["order0", "order1", "foreign", ""]),
    "Uniqueid": _IDS,
    "DestUniqueid": _IDS,
    "Response": st.sampled_from(["Success", "Failure", ""]),
    "Reason": st.sampled_from(["0", "1", "3", "4", "5", "8", "x"]),
    "Cause": st.sampled_from(["0", "16", "17", "19", "127", "", "x"]),
    "TechCause": st.sampled_from(["486", "SIP 404", "", "x"]),
    "ChannelState": st.sampled_from(["0", "5", "6", ""]),
    "DialStatus": st.sampled_from(["ANSWER", "BUSY", "RINGING", "PROGRESS", "", "GOTO:x"]),
    "BridgeUniqueid": _BRIDGES,
    "BridgeNumChannels": st.sampled_from(["0", "1", "2", "3", "x", ""]),
    "Channel": st.sampled_from(["PJSIP/a-1", "", "/.*/"]),
    "Variable": st.sampled_from(["AMDSTATUS", "AMDCAUSE", "OTHER"]),
    "Value": st.sampled_from(["MACHINE", "HUMAN", "", "x"]),
}
_NAMES = st.sampled_from([*(name.decode() for name in sorted(WANTED)), "Other"])
_EVENTS = st.tuples(_NAMES, st.fixed_dictionaries({}, optional=_HEADERS))
_STEPS = st.lists(
    st.one_of(
        _EVENTS,
        st.sampled_from(["expect", "lost", "due", "sweep", "living", "hangup", "unsure", "later"]),
    ),
    max_size=60,
)


class Teller:
    """Plays a story to a translator and checks what it tells."""

    def __init__(self) -> None:
        self.translator = Translator("k")
        self.framer = Framer(WANTED, variables=VARIABLES)
        self.framer.feed(GREETING)
        self.ended: Counter[str] = Counter()
        self.tick = 0.0
        self.orders = 0

    def hear(self, name: str, headers: dict[str, str]) -> list[CallEvent]:
        lines = [f"Event: {name}", *(f"{key}: {headers[key]}" for key in headers)]
        packets = self.framer.feed("\r\n".join(lines).encode() + b"\r\n\r\n")
        return [e for one in packets for e in self.translator.handle(one, NOW, self.tick)]

    def do(self, step: str) -> list[CallEvent]:
        leg_id, translator = LEGS[self.orders % 3], self.translator
        match step:
            case "expect":
                translator.expect(leg_id, f"order{self.orders % 3}", 5.0, self.tick)
                self.orders += 1
            case "due":
                return translator.due(NOW, self.tick)
            case "living":
                connected = self.orders % 2 == 0
                seen = [Living(LEGS[0], "PJSIP/a-1", is_up=True, is_connected=connected)]
                return translator.living(seen, NOW, self.tick, complete=True)
            case "lost":
                translator.link_lost()
            case "sweep":
                translator.sweep(self.tick)
            case "hangup":
                translator.hanging_up(leg_id)
            case "unsure":
                translator.unsure(leg_id)
            case _:
                self.tick += 100.0
        return []

    def check(self, told: list[CallEvent]) -> None:
        for event in told:
            assert not self.ended[event.leg_id], "nothing is told of a leg after its end"
            self.ended[event.leg_id] += event.news is CallNews.ENDED
            assert (event.disposition is not None) == (event.news is CallNews.ENDED)
            assert event.leg_id in LEGS


@given(_STEPS)
def test_any_story(steps: list[tuple[str, dict[str, str]] | str]) -> None:
    teller = Teller()
    for step in steps:
        teller.tick += 0.1
        teller.check(teller.do(step) if isinstance(step, str) else teller.hear(*step))
    translator = teller.translator
    assert len(translator) <= len(LEGS)
    teller.check(translator.living([], NOW, teller.tick, complete=True))
    teller.check(translator.due(NOW, teller.tick + 1e3))
    translator.sweep(teller.tick + 1e3)
    assert len(translator) == 0, "state is dropped in the end"
