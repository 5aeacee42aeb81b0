"""Channel ids, orders and faults of the simulated PBX, without any network."""

import pytest

from adapters.lab.faults import Fault, FaultRates, Faults
from adapters.lab.simpbx.channel import Channels
from adapters.lab.simpbx.events import Lane
from adapters.lab.simpbx.orders import BadOrder, read_order
from adapters.lab.simpbx.wire import Request

GOOD = {
    "Action": "Originate",
    "Channel": "PJSIP/+442079460000@lab",
    "Context": "kairos-connect",
    "Exten": "agent1",
    "Priority": "1",
    "Timeout": "2500",
    "CallerID": '"A B" <+44 (20) 7946-0999>',
    "Async": "true",
}


def request(**changes: str) -> Request:
    headers = {**GOOD, **changes}
    return Request(tuple(f"{name}: {value}" for name, value in headers.items()))


# Seen on Asterisk 22.10.1 while "job-10" was alive.
@pytest.mark.parametrize(
    ("wanted", "taken"),
    [("job-10", True), ("JOB-10", True), ("job-1", True), ("job-10x", False), ("job-2", False)],
)
def test_an_id_may_not_be_the_beginning_of_a_live_one(wanted: str, taken: bool) -> None:
    channels = Channels()
    channels.new("lab", "+442079460000", "job-10", Lane())
    assert channels.taken(wanted) is taken


def test_an_id_is_free_again_when_its_channel_is_over() -> None:
    channels = Channels()
    channel = channels.new("lab", "+442079460000", "job-10", Lane())
    channels.drop(channel)
    assert not channels.taken("job-10")
    assert channels.is_last("job-10")


def test_reads_an_order() -> None:
    order = read_order(request(), system=False)
    assert (order.number, order.endpoint, order.timeout) == ("+442079460000", "lab", 2.5)
    assert order.caller == ("+442079460999", "A B")
    assert not order.waits


def test_a_comma_parts_variables_unless_escaped() -> None:
    lines = (*request().lines, "Variable: a=1,b=2", 'Variable: c="x\\,y"')
    order = read_order(Request(lines), system=False)
    assert order.variables == (("a", "1"), ("b", "2"), ("c", "x,y"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"Channel": ""}, "Channel not specified"),
        ({"Channel": "nonsense"}, "Invalid channel"),
        ({"Exten": "nobody"}, "Extension does not exist."),
        ({"Context": "nowhere"}, "Extension does not exist."),
        ({"Context": "kairos-nobody", "Exten": "failed"}, "Extension does not exist."),
        ({"Timeout": "soon"}, "Invalid timeout"),
        ({"Priority": "first"}, "Invalid priority"),
        ({"ChannelId": "a" * 150}, "Uniqueid length exceeds maximum of 149\n"),
        (
            {"Application": "System", "Data": "rm"},
            "Originate Access Forbidden: app or data blacklisted",
        ),
    ],
)
def test_refuses_an_order_in_the_words_of_asterisk(changes: dict[str, str], text: str) -> None:
    with pytest.raises(BadOrder) as refusal:
        read_order(request(**changes), system=False)
    assert str(refusal.value) == text


def test_faults_are_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[Fault | None]:
        faults = Faults(FaultRates(ack_lost=0.3, cut_after=0.2, event_lost=0.5), seed=seed)
        return [one for _ in range(50) for one in (faults.at_order(), faults.at_event("Hangup"))]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_an_armed_fault_happens_at_the_next_opportunity_only() -> None:
    faults = Faults()
    faults.arm(Fault.EVENT_LOST, event="Hangup")
    faults.arm("ack_lost", times=2)
    assert [faults.at_order() for _ in range(3)] == [Fault.ACK_LOST, Fault.ACK_LOST, None]
    names = ("Newstate", "Hangup", "Hangup")
    assert [faults.at_event(name) for name in names] == [None, Fault.EVENT_LOST, None]
    assert faults.fired == {Fault.ACK_LOST: 2, Fault.EVENT_LOST: 1}


def test_faults_leave_other_events_alone() -> None:
    faults = Faults(FaultRates(event_lost=1), events=frozenset({"Hangup"}))
    assert faults.at_event("Newstate") is None
    assert faults.at_event("Hangup") is Fault.EVENT_LOST


def test_reads_chances() -> None:
    assert FaultRates.parse(" ack_lost=0.01, torn=1 ") == FaultRates(ack_lost=0.01, torn=1)
    assert FaultRates.parse("") == FaultRates()


@pytest.mark.parametrize("text", ["ack_lots=1", "ack_lost=often", "ack_lost=2", "ack_lost"])
def test_refuses_chances_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="ack_lo"):
        FaultRates.parse(text)
