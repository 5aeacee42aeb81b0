"""What a look at a manager port means for who sets it up, in lines of manager.conf."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from gateway.cli.findings import Finding, fail, ok, skip, warn
from gateway.cli.root import PbxLogin, PbxReport

__all__ = ["findings_of", "our_address", "stanza"]

_CLOCK_TOLERANCE = 2.0
_RELOAD = "then on the PBX: asterisk -rx 'manager reload'"
_STANZA = """\
[general]
enabled = yes
webenabled = no
bindaddr = {bind}
port = {port}
timestampevents = yes

[{user}]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = {permit}/255.255.255.255
read = call,system
write = originate,call,reporting
writetimeout = 5000
eventfilter(action(include),name(OriginateResponse)) =
eventfilter(action(include),name(Newstate)) =
eventfilter(action(include),name(DialEnd)) =
eventfilter(action(include),name(BridgeEnter)) =
eventfilter(action(include),name(Hangup)) =
eventfilter(action(include),name(Shutdown)) =
eventfilter(action(include),name(FullyBooted)) =
"""


def stanza(login: PbxLogin, secret: str = "") -> str:
    """Return what belongs into manager.conf: a user with the least rights, for us alone.

    ``secret``: what to write there for it, by default that of the login.
    """
    here = our_address(login.host)
    return _STANZA.format(
        bind="127.0.0.1" if here == "127.0.0.1" else f"{login.host}  ; an address of the PBX",
        port=login.port,
        user=login.username,
        secret=secret or login.secret,
        permit=here,
    )


def our_address(host: str) -> str:
    """Return the address this machine would reach ``host`` from. Nothing is sent."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except (OSError, UnicodeError, IndexError):
        return "<address of this machine>"


def findings_of(report: PbxReport, login: PbxLogin, about: str) -> list[Finding]:
    """Tell what was found, the worst first where it is not usable."""
    if report.reached in _ENDS:
        return [_ENDS[report.reached](report, login, about)]
    return [*_login(report, login, about), *_rest(report, about), *_places(report, login, about)]


def _name(report: PbxReport, login: PbxLogin, about: str) -> Finding:
    return fail(
        about,
        f"the host name {login.host!r} is not known here ({report.problem})",
        "Compare it with the PBX, or give its address. To name it here: a line in /etc/hosts.",
    )


def _port(report: PbxReport, login: PbxLogin, about: str) -> Finding:
    where = f"{login.host}:{login.port}"
    if "refused" in report.problem:
        return fail(
            about,
            f"nothing listens at {where} (the connection was refused)",
            "Is Asterisk running? In manager.conf on the PBX, section [general]:\n"
            "  enabled = yes\n  bindaddr = <an address of the PBX>\n"
            f"  port = {login.port}\n{_RELOAD}",
        )
    return fail(
        about,
        f"{where} cannot be reached ({report.problem})",
        f"Compare host and port with the PBX; let TCP port {login.port} through its firewall "
        f"from {our_address(login.host)}.",
    )


def _tls(report: PbxReport, login: PbxLogin, about: str) -> Finding:
    return fail(
        about,
        f"{login.host}:{login.port}: {report.problem}",
        "cafile must hold the certificate of the PBX or of who signed it, and server_hostname a "
        "name in it. The port is that of tlsbindaddr in manager.conf.",
    )


def _greeting(report: PbxReport, login: PbxLogin, about: str) -> Finding:
    return fail(
        about,
        f"{login.host}:{login.port} is no manager port of Asterisk ({report.problem})",
        "It is mostly 5038, with TLS 5039: see port and tlsbindaddr in manager.conf.",
    )


def _refused(report: PbxReport, login: PbxLogin, about: str) -> Finding:
    return fail(
        about,
        f"Asterisk refused the login of {login.username!r} ({report.problem})",
        "It says so for a wrong user, a wrong secret, and an address that permit leaves out; its "
        "own log tells which.\n"
        f"In manager.conf on the PBX:\n  [{login.username}]\n  secret = <the same as here>\n"
        "  deny = 0.0.0.0/0.0.0.0\n"
        f"  permit = {our_address(login.host)}/255.255.255.255\n{_RELOAD}",
    )


_ENDS = {
    "name": _name,
    "port": _port,
    "tls": _tls,
    "greeting": _greeting,
    "login": _refused,
}


def _login(report: PbxReport, login: PbxLogin, about: str) -> Iterator[Finding]:
    if report.missing:
        yield fail(
            about,
            f"the login works, but {login.username!r} lacks write = {','.join(report.missing)}",
            f"In manager.conf on the PBX, section [{login.username}]:\n"
            f"  write = originate,call,reporting\n{_RELOAD}",
        )
    elif report.reached != "all":
        yield fail(about, f"the login works, then: {report.problem}", "See the log of Asterisk.")
    else:
        version = f"Asterisk {report.version}, up since {report.boot_epoch.replace('T', ' ')}"
        yield ok(about, f"login and rights to write are in order; {version}")
    if not report.heard_boot:
        yield warn(
            about,
            f"no word that Asterisk has booted: {login.username!r} may not read system",
            f"In manager.conf on the PBX, section [{login.username}]:\n"
            f"  read = call,system\n{_RELOAD}",
        )


def _rest(report: PbxReport, about: str) -> Iterator[Finding]:
    if report.vulnerable:
        yield warn(
            about,
            f"Asterisk {report.version} lets who may originate run programs (CVE-2024-42365)",
            "Bring it up to the latest release of its series.",
        )
    if report.clock_ahead is not None and abs(report.clock_ahead) > _CLOCK_TOLERANCE:
        side = "ahead of" if report.clock_ahead > 0 else "behind"
        yield warn(
            about,
            f"its clock is {abs(report.clock_ahead):.0f} s {side} ours",
            "Let both keep time by NTP: what became of a call is looked up by time.",
        )


def _places(report: PbxReport, login: PbxLogin, about: str) -> Iterator[Finding]:
    for context, exten in login.places:
        there = report.places.get((context, exten))
        if there:
            yield ok(about, f"the dialplan has {exten}@{context}")
        elif there is None:
            yield skip(about, f"the PBX does not tell whether its dialplan has {exten}@{context}")
        else:
            yield fail(
                about,
                f"the dialplan has no extension {exten!r} in context {context!r}",
                f"In extensions.conf on the PBX:\n  [{context}]\n  exten => {exten},1,"
                "Queue(<your queue>)\n   same => n,Hangup()\n"
                "then on the PBX: asterisk -rx 'dialplan reload'",
            )
