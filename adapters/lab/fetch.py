"""Gets a real Asterisk without root: installed, cached, or unpacked from packages.

Debian's package tree of Asterisk runs in place through its own loader. The
packages are found through the machine's own apt, with a private apt state, so
nothing on the machine is installed or changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.lab.errors import LabUnavailable

OLDEST: Final = (20, 9, 2)
"""Older versions let an Originate write files (see docs/security)."""
PACKAGES: Final = ("asterisk", "sip-tester")
_SUITE: Final = os.environ.get("KAIROS_LAB_SUITE", "forky")
_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_DOWNLOAD_SECONDS: Final = 600.0
_REMEDY: Final = (
    "Install Asterisk 20.9.2 or later so that 'asterisk' is on PATH, or run this on a machine "
    "whose apt reaches a Debian mirror (KAIROS_LAB_MIRROR names another one)"
)
_USELESS: Final = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "usr/share/bug",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A runnable Asterisk: command prefixes and its two data folders."""

    version: str
    asterisk: tuple[str, ...]
    sipp: tuple[str, ...] | None
    modules: Path
    data: Path


def cache_dir() -> Path:
    """Where the unpacked tree is kept: ``kairos/asterisk`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kairos" / "asterisk"


def obtain(say: Callable[[str], None] = lambda _: None) -> Installation:
    """Return an Asterisk to run: the system's, the cached one, or a fresh download.

    Blocks up to some minutes on the first download (15 s on a fast line),
    after that a few milliseconds. ``say`` gets one line per step. Raises
    :class:`LabUnavailable`.
    """
    if (system := _system()) is not None:
        return system
    cache = cache_dir()
    tree = cache / f"{_SUITE}-{platform.machine()}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / "lock"):
            if not (tree / "complete.json").exists():
                for left_over in cache.glob("unpack-*"):
                    shutil.rmtree(left_over, ignore_errors=True)
                _download(tree, say)
    except subprocess.SubprocessError as error:
        raise LabUnavailable(
            f"Asterisk cannot be unpacked: {_last_words(error)}", _REMEDY
        ) from error
    except OSError as error:
        raise LabUnavailable(
            f"the package cache {cache} cannot be used: {error}",
            "Set XDG_CACHE_HOME to a folder you may write",
        ) from error
    return _unpacked(tree)


def why_unavailable() -> str | None:
    """Why no Asterisk can be had here, or None; downloads it when that is what it takes."""
    try:
        obtain()
    except LabUnavailable as error:
        return str(error)
    return None


def _system() -> Installation | None:
    binary = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        return None
    try:
        version = _run([binary, "-V"]).stdout.strip().removeprefix("Asterisk ")
    except (OSError, subprocess.SubprocessError):
        return None
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:3])
    modules = next((m for m in _system_modules() if (m / "chan_pjsip.so").exists()), None)
    data = next(
        (
            d
            for d in (Path("/usr/share/asterisk"), Path("/var/lib/asterisk"))
            if (d / "documentation").is_dir()
        ),
        None,
    )
    if numbers < OLDEST or modules is None or data is None:
        return None
    sipp = shutil.which("sipp")
    return Installation(
        version=version,
        asterisk=(binary,),
        sipp=(sipp,) if sipp else None,
        modules=modules,
        data=data,
    )


def _system_modules() -> Iterator[Path]:
    yield from Path("/usr/lib").glob("*-linux-gnu/asterisk/modules")
    yield from (Path("/usr/lib/asterisk/modules"), Path("/usr/lib64/asterisk/modules"))


def _unpacked(tree: Path) -> Installation:
    libraries = next((tree / "usr/lib").glob("*-linux-gnu"))
    loader = next(libraries.glob("ld-linux-*.so.*"))
    prefix = (str(loader), "--library-path", str(libraries))
    return Installation(
        version=json.loads((tree / "complete.json").read_text())["version"],
        asterisk=(*prefix, str(tree / "usr/sbin/asterisk")),
        sipp=(*prefix, str(tree / "usr/bin/sipp")),
        modules=libraries / "asterisk" / "modules",
        data=tree / "usr/share/asterisk",
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock, so that two processes never download at once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _download(tree: Path, say: Callable[[str], None]) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise LabUnavailable(
            "no Asterisk is installed and this machine has no apt to fetch one with", _REMEDY
        )
    with tempfile.TemporaryDirectory(dir=tree.parent, prefix="unpack-") as folder:
        work = Path(folder)
        problems = []
        for line in _sources():
            say(f"asking the machine's package mirror for Asterisk ({_SUITE})")
            try:
                _fetch_packages(work, line)
                break
            except subprocess.SubprocessError as error:
                problems.append(_last_words(error))
        else:
            reason = (
                "; ".join(problems)
                or "this machine's apt knows no package mirror (run apt-get update first?)"
            )
            raise LabUnavailable(f"Asterisk could not be downloaded: {reason}", _REMEDY)
        debs = sorted((work / "archives").glob("*.deb"))
        say(f"unpacking {len(debs)} packages")
        root = work / "root"
        root.mkdir()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda deb: _run(["dpkg", "-x", str(deb), str(root)]), debs))
        for useless in _USELESS:
            shutil.rmtree(root / useless, ignore_errors=True)
        (root / "complete.json").write_text('{"version": "unknown"}')
        version = _run([*_unpacked(root).asterisk, "-V"]).stdout.strip().removeprefix("Asterisk ")
        (root / "complete.json").write_text(json.dumps({"version": version}))
        shutil.rmtree(tree, ignore_errors=True)
        root.rename(tree)
    say(f"Asterisk {version} is ready in {tree}")


def _sources() -> Iterator[str]:
    """Yield sources lines to try: mirrors that the machine's apt already uses."""
    if mirror := os.environ.get("KAIROS_LAB_MIRROR"):
        yield _source(mirror, trusted=False)
        return
    wanted = "$(REPO_URI) $(TRUSTED) $(LABEL)"
    listed = _run(["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"])
    seen = set()
    for line in listed.stdout.splitlines():
        uri, _, rest = line.partition(" ")
        if uri and uri not in seen and "security" not in line.lower():
            seen.add(uri)
            yield _source(uri, trusted=False)
            if rest.startswith("yes"):
                yield _source(uri, trusted=True)


def _source(uri: str, *, trusted: bool) -> str:
    """A sources line; unsigned packages pass only where the machine itself lets them."""
    if trusted:
        return f"deb [trusted=yes] {uri} {_SUITE} main\n"
    signed = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
    return f"deb {signed}{uri} {_SUITE} main\n"


_APT_CONF: Final = """\
Dir::State "{work}";
Dir::State::Lists "{work}/lists";
Dir::State::status "{work}/status";
Dir::Cache "{work}";
Dir::Cache::archives "{work}/archives";
Dir::Etc::sourcelist "{work}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
APT::Install-Recommends "false";
Debug::NoLocking "1";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
"""


def _fetch_packages(work: Path, source: str) -> None:
    """Download the packages and all they need, the C library included."""
    for name in ("lists", "archives"):
        shutil.rmtree(work / name, ignore_errors=True)
        (work / name / "partial").mkdir(parents=True)
    (work / "status").touch()
    (work / "sources.list").write_text(source)
    sandbox = 'APT::Sandbox::User "root";\n' if os.geteuid() == 0 else ""
    (work / "apt.conf").write_text(_APT_CONF.format(work=work) + sandbox)
    apt = ("apt-get", "-c", str(work / "apt.conf"), "--quiet=2", "--yes")
    _run([*apt, "-o", "APT::Update::Error-Mode=any", "update"])
    _run([*apt, "install", "--download-only", *PACKAGES])


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        timeout=_DOWNLOAD_SECONDS,
        env=environment,
    )


def _last_words(error: subprocess.SubprocessError) -> str:
    said = str(getattr(error, "stderr", "") or "").strip().splitlines()
    complaint = next((line for line in said if line.startswith("E: ")), said[-1] if said else "")
    return complaint.removeprefix("E: ").rstrip(".") or str(error)
