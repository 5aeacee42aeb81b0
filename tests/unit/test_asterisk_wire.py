"""Bytes to packets: hostile input first. Numbers are rows of the defect table of decision 0030."""

from __future__ import annotations

import pytest

from adapters.asterisk.wire import BadHeader, Framer, Packet, WireError, check_headers

GREETING = b"Asterisk Call Manager/9.0.0\r\n"


def feed(data: bytes, **how: object) -> list[Packet]:
    return Framer(**how).feed(GREETING + data)  # type: ignore[arg-type]


def test_greeting_is_no_packet() -> None:
    framer = Framer()
    assert framer.feed(GREETING[:10]) == []
    assert framer.version is None
    assert framer.feed(GREETING[10:] + b"Response: Success\r\n\r\n")[0].name == b"Success"
    assert framer.version == "9.0.0"


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 400\r\n", b"x" * 500, b"\0"])
def test_refuses_a_peer_that_is_no_asterisk(data: bytes) -> None:
    with pytest.raises(WireError):
        Framer().feed(data)


def test_utf8_split_over_chunks_is_whole() -> None:
    """Defect 18: decoding each chunk for itself loses letters."""
    text = "Žluťoučký kůň"
    data = GREETING + f"Event: Hangup\r\nName: {text}\r\n\r\n".encode()
    framer = Framer()
    packets = [packet for byte in data for packet in framer.feed(bytes([byte]))]
    assert [packet.get(b"Name") for packet in packets] == [text]


def test_bytes_that_are_no_utf8_stay_visible() -> None:
    """Defect 18: latin-1 must not vanish."""
    (packet,) = feed(b"Event: Hangup\r\nName: Ji\xf8\xed\r\n\r\n")
    assert packet.get(b"Name") == r"Ji\xf8\xed"


def test_trailing_empty_header_is_kept() -> None:
    """Defect 19: stripping the message takes the last header's value away, and its key."""
    (packet,) = feed(b"Event: VarSet\r\nVariable: AMDSTATUS\r\nValue: \r\n\r\n")
    assert ("Value", "") in packet.pairs()
    assert packet.get(b"Value") == ""


def test_a_missing_header_reads_as_empty_and_is_not_made_up() -> None:
    """Defect 20: no invented keys, no attributes that always exist."""
    (packet,) = feed(b"Event: Hangup\r\nCause: 16\r\n\r\n")
    assert packet.get(b"Nothing") == ""
    assert packet.pairs() == [("Event", "Hangup"), ("Cause", "16")]
    assert not hasattr(packet, "uniqeid")


def test_repeated_headers_are_kept_in_order_and_one_is_a_list_too() -> None:
    """Defect 21: the same header must not be text at one time and a list at another."""
    one, two = feed(
        b"Response: Success\r\nOutput: a\r\n\r\nResponse: Success\r\nOutput: a\r\nOutput: b\r\n\r\n"
    )
    assert one.values(b"Output") == ["a"]
    assert two.values(b"Output") == ["a", "b"]
    assert two.get(b"Output") == "a"


def test_a_header_twice_is_read_by_its_first() -> None:
    """Defect 15: a second Event or Message header is no reason to fall over."""
    (packet,) = feed(b"Event: Hangup\r\nEvent: Again\r\nMessage: a\r\nMessage: b\r\n\r\n")
    assert packet.name == b"Hangup"
    assert packet.get(b"Message") == "a"


def test_value_may_look_like_a_header_of_another_name() -> None:
    (packet,) = feed(b"Event: Hangup\r\nCallerIDName: Uniqueid: x\r\nUniqueid: y\r\n\r\n")
    assert packet.get(b"Uniqueid") == "y"


@pytest.mark.parametrize("extra", [b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n"])
def test_too_many_line_ends_between_messages(extra: bytes) -> None:
    data = b"Event: A\r\nX: 1\r\n\r\n" + extra + b"Event: B\r\nX: 2\r\n\r\n"
    assert [(p.name, p.get(b"X")) for p in feed(data)] == [(b"A", "1"), (b"B", "2")]


def test_only_wanted_events_are_kept_but_all_responses() -> None:
    data = b"Event: A\r\n\r\nResponse: Success\r\n\r\nEvent: B\r\nEvent: A\r\n\r\nX: y\r\n\r\n"
    assert [packet.name for packet in feed(data, wanted=[b"A"])] == [b"A", b"Success"]


@pytest.mark.parametrize("junk", [b"\xff\xfe\x00junk\r\n\r\n", b"ent: Hangup\xff Event:\r\n\r\n"])
def test_bytes_that_are_no_message_end_the_session(junk: bytes) -> None:
    """A damaged stream has lost something: better to connect anew and to reconcile."""
    with pytest.raises(WireError):
        feed(b"Event: A\r\n\r\n" + junk.replace(b": Hangup", b""))


def test_only_wanted_variables() -> None:
    data = b"".join(
        b"Event: VarSet\r\nVariable: %b\r\nValue: AMDSTATUS\r\n\r\n" % name
        for name in (b"AMDSTATUS", b"OTHER", b"AMDSTATUSX")
    )
    kept = feed(data, wanted=[b"VarSet"], variables=[b"AMDSTATUS"])
    assert [packet.get(b"Variable") for packet in kept] == ["AMDSTATUS"]


@pytest.mark.parametrize("size", [1, 8, 1000, 100_000])
def test_a_message_without_end_is_refused_at_the_cap(size: int) -> None:
    """Defect 28: an endless message must not be kept."""
    framer = Framer(limit=10_000)
    framer.feed(GREETING)
    for _ in range(10_000 // size):
        assert framer.feed(b"x" * size) == []
    with pytest.raises(WireError):
        framer.feed(b"x" * max(size, 10_001 % size + 1))


def test_a_whole_message_over_the_cap_is_refused_too() -> None:
    """Defect 28."""
    with pytest.raises(WireError):
        feed(b"Event: A\r\nX: " + b"x" * 2000 + b"\r\n\r\n", limit=1000)


def test_repr_holds_nothing_personal() -> None:
    """Defect 29: what is logged must not hold numbers."""
    (packet,) = feed(b"Event: Hangup\r\nCallerIDNum: +358401234567\r\n\r\n")
    assert "358" not in repr(packet)


@pytest.mark.parametrize(
    "value",
    [
        "hi\r\n\r\nAction: Command\r\nCommand: core stop now",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\x1bb",
        "a\x85b",
        "a\u2028b",
        "lone \ud800 surrogate",
        "x" * 1000,
        "ž" * 500,
    ],
)
def test_values_that_are_more_than_a_line_are_refused(value: str) -> None:
    """Defect 1 (injection) and 29 (what cannot be encoded)."""
    with pytest.raises(BadHeader) as caught:
        check_headers({"Action": "Originate", "Variable": ["a=b", value]})
    assert value not in str(caught.value)


@pytest.mark.parametrize("key", ["Command", "Data", "Application", "X\r\nAction", "", "action"])
def test_only_known_keys_are_sent(key: str) -> None:
    """Defect 1: and never a caller's application."""
    with pytest.raises(BadHeader):
        check_headers({key: "x"})


def test_ordinary_headers_pass() -> None:
    check_headers({"Action": "Originate", "CallerID": '"Žaneta" <+358>', "Variable": ["a=1"] * 100})


def test_too_many_headers_are_refused() -> None:
    with pytest.raises(BadHeader):
        check_headers({"Variable": ["a=1"] * 121})
