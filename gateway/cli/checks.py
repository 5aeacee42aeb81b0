"""What ``kairos check`` looks at on this machine: files, name, clock, disk, port, evidence."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from config.settings import Settings
from gateway.cli.findings import Finding, fail, ok, skip, warn

__all__ = ["api_port", "cel_file", "clock", "disk", "files", "host_name"]

_GIGABYTE: Final = 1 << 30
_LEAST: Final = 200 << 20
_ENOUGH: Final = 2 * _GIGABYTE
_SLOW: Final = 1.0
_TIME_ERROR: Final = 5
_TIMEX_BYTES: Final = 512
_BUILT: Final = 1_760_000_000
_AHEAD: Final = 60.0


def files(settings: Settings, config: Path) -> Iterator[Finding]:
    """Tell whether others can read what is for the owner's eyes, and whether we can write."""
    told = settings.source.warnings if settings.source else ()
    for warning in told:
        text, _, remedy = warning.partition("; ")
        yield warn("files", text, remedy[:1].upper() + remedy[1:])
    folder = settings.data_dir
    if not folder.exists():
        above = next(one for one in folder.parents if one.exists())
        if os.access(above, os.W_OK):
            yield ok("files", f"{folder} will be made by the first start")
        else:
            yield fail(
                "files",
                f"{folder} is not there and cannot be made in {above}",
                f"mkdir -m 700 {folder}, and give it to the user Kairos runs as.",
            )
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield fail("files", f"{folder} cannot be written to", f"chown it: see ls -ld {folder}")
    elif folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = f"others may look into {folder}, where names and numbers are kept"
        yield warn("files", text, f"chmod 700 {folder}")
    elif not told:
        yield ok("files", f"{config.name} and {folder} are for their owner alone")


def host_name() -> Finding:
    """Tell whether this machine's own name can be resolved."""
    name = socket.gethostname()
    began = time.monotonic()
    try:
        socket.getaddrinfo(name, None)
    except OSError:
        return warn(
            "host name",
            f"this machine's own name {name!r} cannot be resolved",
            f"Add it to /etc/hosts: 127.0.1.1 {name} (on the PBX the same, or every call waits).",
        )
    took = time.monotonic() - began
    if took > _SLOW:
        return warn(
            "host name",
            f"resolving {name!r} took {took:.1f} s",
            f"Add it to /etc/hosts: 127.0.1.1 {name}, or mend the name server.",
        )
    return ok("host name", f"{name} is resolved")


def clock(settings: Settings) -> Iterator[Finding]:
    """Tell whether the clock is kept right, and whether it has gone back."""
    now = time.time()
    if now < _BUILT:
        text = f"the clock says {time.strftime('%d %b %Y')}, which cannot be"
        yield fail("clock", text, "Set it, and let NTP keep it: timedatectl set-ntp true")
        return
    newest = max((_touched(one) for one in _kept(settings.data_dir)), default=0.0)
    if newest > now + _AHEAD:
        yield fail(
            "clock",
            f"it has gone back: data was written {newest - now:.0f} s in the future",
            "Set it right before serving: when to call is decided by it.",
        )
    match _synchronised():
        case True:
            yield ok("clock", "kept right by NTP")
        case False:
            yield warn(
                "clock",
                "nothing keeps it right (not synchronised)",
                "timedatectl set-ntp true, or install chrony. In a container: on its host.",
            )
        case None:
            yield skip("clock", "this system does not tell whether the clock is synchronised")


def _kept(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:
        return


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _synchronised() -> bool | None:
    """Ask the kernel whether something disciplines its clock; None if it does not say."""
    try:
        ask = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    state = int(ask(ctypes.create_string_buffer(_TIMEX_BYTES)))  # all zero: only asks
    return None if state < 0 else state != _TIME_ERROR


def disk(settings: Settings) -> Finding:
    """Tell whether the disk has room for what is kept."""
    folder = settings.data_dir
    place = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(place).free
    told = f"{free / _GIGABYTE:.1f} GB free for {folder}"
    if free < _LEAST:
        return fail("disk", told, "Make room: without it nothing is dialed.")
    if free < _ENOUGH:
        return warn("disk", told, "Make room soon: a million callbacks need about 2 GB.")
    return ok("disk", told)


def api_port(settings: Settings, *, running: bool) -> Finding:
    """Tell whether the API's port is free, or ours."""
    api = settings.api
    where = f"{api.host}:{api.port}"
    if not api.enabled:
        return ok("API", "switched off; the commands use the socket in the data directory")
    if api.port == 0:
        return ok("API", "will take any free port")
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            api.host, api.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(address)
    except OSError as error:
        if running:
            return ok("API", f"{where} is in use, by the service that runs")
        return fail(
            "API",
            f"{where} cannot be listened at ({error.strerror})",
            f"ss -ltnp 'sport = :{api.port}' names who has it; or set another api.port.",
        )
    if running:
        return warn("API", f"a service runs and does not listen at {where}", "Restart it.")
    return ok("API", f"{where} is free")


def cel_file(path: Path | None, about: str) -> Finding:
    """Tell whether the evidence of calls can be read."""
    if path is None:
        return skip(
            about,
            "no cel_file: what ended while Kairos was away counts as attempted",
            "Recommended: see docs/asterisk.md, Evidence.",
        )
    if not path.exists():
        return warn(
            about,
            f"cel_file {path} is not there",
            "It comes with the first call, if Asterisk writes it: see docs/asterisk.md, Evidence. "
            "The folder must be there and writable for Asterisk.",
        )
    if not os.access(path, os.R_OK):
        return fail(about, f"cel_file {path} cannot be read", f"Let our user read it: {path}")
    return ok(about, f"cel_file {path} can be read")
