"""The simulated PBX reads requests with the limits and slips of the real one."""

import pytest

from adapters.lab.simpbx.wire import TOO_LONG, TOO_MANY, Request, RequestReader, response


def read(*chunks: bytes) -> list[Request]:
    reader = RequestReader()
    return [request for chunk in chunks for request in reader.feed(chunk)]


def test_reads_a_request_cut_anywhere() -> None:
    wire = b"Action: Ping\r\nActionID: 7\r\n\r\n"
    for cut in range(len(wire)):
        (request,) = read(wire[:cut], wire[cut:])
        assert (request.action, request.action_id, request.problem) == ("Ping", "7", "")


def test_takes_a_bare_line_feed_for_the_end_of_a_line() -> None:
    (request,) = read(b"action: ping\nactionid: lf\n\n")
    assert (request.action, request.action_id) == ("ping", "lf")


def test_a_value_with_a_line_feed_becomes_a_second_action() -> None:
    first, second = read(b"Action: Ping\r\nX: hi\n\nAction: Command\r\n\r\n")
    assert (first.action, second.action) == ("Ping", "Command")


def test_ignores_what_follows_a_nul_in_a_line() -> None:
    (request,) = read(b"Action: Ping\0pong\r\n\r\n")
    assert request.action == "Ping"


def test_gives_back_bytes_that_are_no_utf8() -> None:
    (request,) = read(b"Action: Ping\r\nActionID: Ji\xf8\xed\r\n\r\n")
    assert b"ActionID: Ji\xf8\xed\r\n" in response(request, "Success")


# Seen on Asterisk 22.10.1: header "X: aaa" of that many bytes in all, and what it answered.
@pytest.mark.parametrize(
    ("length", "problems"),
    [
        (1021, [""]),
        (1022, [""]),
        (1023, [TOO_LONG, ""]),  # the CR is kept, makes an empty line, and so does the next one
        (1024, [TOO_LONG]),
        (1500, [TOO_LONG]),
    ],
)
def test_refuses_a_line_too_long_as_asterisk_does(length: int, problems: list[str]) -> None:
    line = b"X: " + b"a" * (length - 3)
    requests = read(b"Action: Ping\r\nActionID: L\r\n" + line + b"\r\n\r\n")
    assert [request.problem for request in requests] == problems
    assert requests[0].action_id == "L"
    assert [request.action for request in requests[1:]] == [""] * (len(problems) - 1)


@pytest.mark.parametrize(("more", "problem"), [(126, ""), (127, TOO_MANY)])
def test_refuses_more_than_128_headers(more: int, problem: str) -> None:
    lines = b"".join(b"X: %d\r\n" % n for n in range(more))
    (request,) = read(b"Action: Ping\r\nActionID: M\r\n" + lines + b"\r\n")
    assert (request.problem, request.action_id) == (problem, "M")


def test_goes_on_after_a_refused_request() -> None:
    wire = b"Action: Ping\r\nX: " + b"a" * 5000 + b"\r\n\r\nAction: Ping\r\n\r\n"
    assert [request.problem for request in read(wire)] == [TOO_LONG, ""]


def test_reads_repeated_headers_in_order_and_the_first_alone() -> None:
    (request,) = read(b"Variable: a=1\r\nvariable:b=2\r\n\r\n")
    assert request.all("Variable") == ["a=1", "b=2"]
    assert request.get("VARIABLE") == "a=1"
