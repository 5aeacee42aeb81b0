"""The far end for load: SIPp answers as the published number table says.

It remembers nobody (every call is a first call), plays no sound, and carries
several hundred calls a second. Its scenario is written from the table.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from adapters.lab.numbers import SUFFIXES, Suffix, suffix_world
from adapters.lab.people import WireCall
from adapters.lab.world import Answer, Behaviour

_REFUSALS: Final = {
    Answer.RING_OUT: "480 Temporarily Unavailable",
    Answer.NO_REPLY: "408 Request Timeout",
    Answer.HANGS_UP_RINGING: "480 Temporarily Unavailable",
    Answer.BUSY: "486 Busy Here",
    Answer.DECLINE: "603 Decline",
    Answer.NOT_FOUND: "404 Not Found",
    Answer.UNAVAILABLE: "480 Temporarily Unavailable",
    Answer.CONGESTION: "503 Service Unavailable",
    Answer.FORBIDDEN: "403 Forbidden",
}
_CONTACT: Final = "Contact: <sip:[local_ip]:[local_port]>\n"
_TAG: Final = ";tag=[pid]K[call_number]"
_SDP: Final = (
    "v=0\no=lab 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=audio [media_port] RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
)
_LOG_LINE: Final = re.compile(
    r"^call \S+\s\S+\s(?P<at>[\d.]+) (?P<number>\S+) (?P<call_id>\S+) ?(?P<channel>\S*)$"
)


def command(sipp: Sequence[str], scenario: Path, port: int, log: Path) -> tuple[str, ...]:
    """The command that plays ``scenario`` on the loopback UDP ``port`` and writes ``log``."""
    return (
        *sipp,
        *("-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-t", "u1", "-nostdin"),
        *("-trace_logs", "-log_file", str(log), "-watchdog_interval", "0", "-buff_size", "4194304"),
    )


def bound(port: int) -> bool:
    """Whether somebody has taken this loopback UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def scenario(talk_seconds: float | None = None) -> str:
    """Return the SIPp scenario of the number table.

    ``talk_seconds``: how long people who answer stay, instead of the table's times.
    """
    branches = [line for line in SUFFIXES if not line.script[0].answer.picks_up]
    humans = [line for line in SUFFIXES if line.script[0].answer.picks_up]
    tests = "".join(_test(line) for line in (*branches, *humans[1:]))
    jumps = "".join(
        f'<nop next="{line.name}" test="{line.name}"/>\n' for line in (*branches, *humans[1:])
    )
    plays = "".join(_play(line, talk_seconds) for line in (*humans, *branches))
    used = ",".join(line.name for line in (*branches, *humans[1:]))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="kairos">\n'
        '<recv request="INVITE"><action>\n'
        '<ereg regexp="sip:([^@;>]+)" search_in="hdr" header="To:" assign_to="uri,number"/>\n'
        '<ereg regexp="sip:[^>]+" search_in="hdr" header="Contact:" assign_to="contact"/>\n'
        '<ereg regexp="[^ ]+" search_in="hdr" header="X-Kairos-Channel:" assign_to="channel"/>\n'
        f"{tests}"
        '<log message="call [timestamp] [$number] [call_id] [$channel]"/>\n'
        f'</action></recv>\n<Reference variables="uri,{used}"/>\n{jumps}{plays}'
        '<label id="end"/>\n<nop/>\n</scenario>\n'
    )


def _test(line: Suffix) -> str:
    return (
        f'<ereg regexp="{_digits(line.first, line.last)}[@&gt;;]" search_in="hdr" header="To:" '
        f'assign_to="{line.name}"/>\n'
    )


def _digits(first: int, last: int) -> str:
    """Return a pattern for exactly the three-digit endings ``first`` to ``last``."""
    by_tens: dict[str, list[int]] = {}
    for n in range(first, last + 1):
        by_tens.setdefault(f"{n:03d}"[:2], []).append(n % 10)
    parts = [f"{tens}[{ones[0]}-{ones[-1]}]" for tens, ones in by_tens.items()]
    return f"({'|'.join(parts)})"


def _play(line: Suffix, talk_seconds: float | None) -> str:
    behaviour = line.script[0]
    ring_ms = int(behaviour.ring_seconds * 1000)
    ringing = _send("180 Ringing") if behaviour.answer.rings and ring_ms else ""
    pause = f'<pause milliseconds="{ring_ms}"/>\n' if ring_ms else ""
    start = f'<label id="{line.name}"/>\n{_send("100 Trying", tag="")}{ringing}'
    if behaviour.answer.picks_up:
        return f"{start}{pause}{_answered(line.name, behaviour, talk_seconds)}"
    # A caller who gives up first sends CANCEL; one who waits gets the refusal.
    wait = f'<recv request="CANCEL" timeout="{max(ring_ms, 1)}" ontimeout="{line.name}_no"/>\n'
    canceled = _send("200 OK") + _send(
        "487 Request Terminated", cseq="CSeq: [last_cseq_number] INVITE"
    )
    acked = '<recv request="ACK" next="end"/>\n'
    refused = f'<label id="{line.name}_no"/>\n{_send(_REFUSALS[behaviour.answer])}{acked}'
    return f"{start}{wait}{canceled}{acked}{refused}"


def _answered(name: str, behaviour: Behaviour, talk_seconds: float | None) -> str:
    talk = behaviour.talk_seconds if talk_seconds is None else talk_seconds
    bye = (
        "BYE [$contact] SIP/2.0\n"
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        "From: [$us]\nTo: [$them]\nCall-ID: [call_id]\nCSeq: 1 BYE\n"
        "Max-Forwards: 70\nContent-Length: 0\n"
    )
    answer = _send("200 OK", sdp=True, more='retrans="500"')
    goodbye = _send("200 OK", more='next="end"')
    return (
        f'{answer}<recv request="ACK"><action>\n'
        '<ereg regexp="[^ ].*" search_in="hdr" header="To:" assign_to="us"/>\n'
        '<ereg regexp="[^ ].*" search_in="hdr" header="From:" assign_to="them"/>\n'
        "</action></recv>\n"
        f'<recv request="BYE" timeout="{max(int(talk * 1000), 1)}" ontimeout="{name}_bye"/>\n'
        f'{goodbye}<label id="{name}_bye"/>\n'
        f'<send retrans="500"><![CDATA[\n{bye}\n]]></send>\n<recv response="200" next="end"/>\n'
    )


def _send(
    status: str, *, tag: str = _TAG, cseq: str = "[last_CSeq:]", sdp: bool = False, more: str = ""
) -> str:
    headers = f"[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n{cseq}\n{_CONTACT}"
    if sdp:
        body = f"Content-Type: application/sdp\nContent-Length: [len]\n\n{_SDP}"
    else:
        body = "Content-Length: 0\n"
    return f"<send {more}><![CDATA[\nSIP/2.0 {status}\n{headers}{body}\n]]></send>\n"


def read_log(path: Path) -> list[WireCall]:
    """Read what SIPp wrote down about each call, oldest first; torn lines are left out."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8", errors="replace").splitlines()
    return [_call(found) for line in lines if (found := _LOG_LINE.match(line)) is not None]


def _call(found: re.Match[str]) -> WireCall:
    behaviour = _behaviour(found["number"])
    return WireCall(
        at=datetime.fromtimestamp(float(found["at"]), UTC),
        number=found["number"],
        attempt=0,
        answer=behaviour.answer.value,
        ring_seconds=behaviour.ring_seconds,
        talk_seconds=behaviour.talk_seconds,
        caller="",
        channel_id=found["channel"],
        sip_call_id=found["call_id"],
    )


def _behaviour(number: str) -> Behaviour:
    return suffix_world().meet(number, datetime.now(UTC), 1)
