"""Framing is a function of the bytes, not of how they were cut."""

from __future__ import annotations

import contextlib

from hypothesis import example, given
from hypothesis import strategies as st

from adapters.asterisk.wire import BadHeader, Framer, WireError, check_headers

GREETING = b"Asterisk Call Manager/9.0.0\r\n"
_KEYS = st.sampled_from(["Event", "Response", "Uniqueid", "Value", "ActionID", "X-Y"])
_VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)
_MESSAGES = st.lists(st.lists(st.tuples(_KEYS, _VALUES), min_size=1, max_size=6), max_size=8)
_CUTS = st.lists(st.integers(1, 40), max_size=60)


def frame(data: bytes, cuts: list[int]) -> list[tuple[bytes, bool, list[tuple[str, str]]]]:
    framer, packets = Framer(), []
    for cut in cuts:
        packets += framer.feed(data[:cut])
        data = data[cut:]
    packets += framer.feed(data)
    return [(packet.name, packet.is_event, packet.pairs()) for packet in packets]


@given(_MESSAGES, _CUTS)
@example([[("Event", "VarSet"), ("Value", "")]], [30])
def test_any_chunking_gives_the_same_messages(
    messages: list[list[tuple[str, str]]], cuts: list[int]
) -> None:
    data = GREETING + b"".join(
        "".join(f"{key}: {value}\r\n" for key, value in lines).encode() + b"\r\n"
        for lines in messages
    )
    whole = frame(data, [])
    assert frame(data, cuts) == whole
    assert frame(data, [1] * len(data)) == whole
    told = [lines for lines in messages if lines[0][0] in {"Event", "Response"}]
    assert [pairs for _, _, pairs in whole] == told


@given(st.binary(max_size=400), _CUTS)
def test_any_bytes_give_packets_or_a_wire_error(data: bytes, cuts: list[int]) -> None:
    with contextlib.suppress(WireError):
        assert frame(GREETING + data, cuts) == frame(GREETING + data, [])


@given(st.text(max_size=40), st.text(max_size=60))
def test_what_is_let_through_is_one_line(key: str, value: str) -> None:
    with contextlib.suppress(BadHeader):
        check_headers({key: value})
        line = f"{key}: {value}".encode()
        assert not set(line) & set(b"\r\n\0")
        assert len(line) < 1000
