"""What a test needs that pip cannot bring: a PostgreSQL server, an Asterisk.

A pytest plugin. A test says what it needs by a marker (``@pytest.mark.postgres``) or by
calling :func:`require`. What cannot be had skips by name and is listed at the end of the
run; in CI it fails, for there everything must be had.
"""

import os
from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest

#: Tells why something cannot be had, or None where it can.
Probe = Callable[[], str | None]

_probes: dict[str, Probe] = {}
_missed: Counter[str] = Counter()


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}


def register(name: str, probe: Probe) -> None:
    """Let ``probe`` answer for ``name``; a later registration replaces an earlier one."""
    _probes[name] = probe
    why_not.cache_clear()


@cache
def why_not(name: str) -> str | None:
    """Why ``name`` cannot be had on this machine, or None where it can. Asked once a run."""
    return _probes[name]()


def require(name: str) -> None:
    """Go on only where ``name`` can be had: otherwise skip, or in CI fail."""
    reason = why_not(name)
    if reason is None:
        return
    if in_ci():
        pytest.fail(f"CI must have {name}: {reason}", pytrace=False)
    _missed[name] += 1
    pytest.skip(f"{name} cannot be had: {reason}")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Ask before the first test: getting an Asterisk may take longer than a test has."""
    if session.config.option.collectonly:
        return
    for name in _probes:
        if any(item.get_closest_marker(name) for item in session.items):
            why_not(name)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in _probes:
        if item.get_closest_marker(name):
            require(name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _missed:
        return
    terminalreporter.section("NOT TESTED HERE", sep="!", red=True, bold=True)
    for name, count in sorted(_missed.items()):
        terminalreporter.line(f"{name}: {count} skipped: {why_not(name)}")


def _why_no_asterisk() -> str | None:
    # Imported here: where the lab is broken, only the tests that need it are.
    from adapters.lab.errors import LabUnavailable  # noqa: PLC0415 - see above
    from adapters.lab.fetch import obtain  # noqa: PLC0415 - see above

    try:
        obtain()
    except LabUnavailable as error:
        return str(error)
    return None


register("asterisk", _why_no_asterisk)
