"""No foreign error leaves the adapter, and a new one in panoramisk is noticed."""

from __future__ import annotations

import ast
import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import panoramisk
import pytest

import adapters.asterisk
from adapters.asterisk import protocol
from adapters.asterisk.link import Link
from gateway.domain.errors import DialError, OutcomeUnknown
from tests.support.fake_ami import FakeAmi
from tests.support.link_rig import ORDER, Rig, running

HERE = Path(adapters.asterisk.__file__).parent
THEIRS = Path(panoramisk.__file__).parent

#: What panoramisk 1.4 raises by itself, all of it in parts that are not used (AGI, getdict).
KNOWN_RAISES = {
    ("message.py", "ValueError"),
    ("message.py", "TypeError"),
    ("utils.py", "NotImplementedError"),
}

FOREIGN = [
    OSError(5, "x"),
    ConnectionResetError(),
    TimeoutError(),
    ssl.SSLError("x"),
    UnicodeError("x"),
    ValueError("+358401234567"),
    AttributeError("x"),
    KeyError("async"),
    asyncio.InvalidStateError(),
    RuntimeError("x"),
]


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as fake:
        yield fake


def _raises(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Raise) and node.exc is not None:
            call = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            yield ast.unparse(call)


def test_panoramisk_has_no_error_that_we_do_not_know() -> None:
    """If this fails after an update: look at where it is raised, then at ``why`` and ``_ask``."""
    used = [path for path in THEIRS.glob("*.py") if path.name not in {"fast_agi.py", "testing.py"}]
    assert {(path.name, name) for path in used for name in _raises(path)} == KNOWN_RAISES
    classes = [
        node.name
        for path in used
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Error", "Exception"))
    ]
    assert classes == []


def test_only_one_module_knows_panoramisk_and_only_three_of_its_names() -> None:
    """Defects 20, 31 and 32: no Message, no CallManager, no FastAGI."""
    found = {
        (path.name, alias.name)
        for path in HERE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("panoramisk")
        for alias in node.names
    }
    assert found == {
        ("protocol.py", "Action"),
        ("protocol.py", "AMIProtocol"),
        ("protocol.py", "Manager"),
    }


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
async def test_any_error_while_connecting_is_a_reason_and_a_pause(
    ami: FakeAmi, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Link) -> None:
        raise error

    rig = Rig(ami)
    with monkeypatch.context() as patched:
        patched.setattr(Link, "_connect", broken)
        async with running(rig):
            await rig.until(lambda: rig.waits == 1)
            assert rig.link.reason
            assert "358" not in rig.link.reason


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
async def test_any_error_of_a_write_is_doubt(
    ami: FakeAmi, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(ami)
    async with running(rig):
        await rig.up()

        def broken(*_: object, **__: object) -> None:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(protocol.Protocol, "submit", broken)
            with pytest.raises(DialError) as caught:
                await rig.link.request(ORDER, timeout=0.05)
        assert isinstance(caught.value, OutcomeUnknown)
        assert "358" not in str(caught.value)
        assert rig.pending == 0
