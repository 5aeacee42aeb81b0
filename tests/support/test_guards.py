"""The guards bite: each misdeed below turns its test red, and good manners stay green."""

from pathlib import Path

import pytest

MISDEEDS = """
import asyncio, os, socket, threading

_stop = threading.Event()

async def test_leaks_a_task():
    test_leaks_a_task.kept = asyncio.create_task(asyncio.Event().wait())

async def test_loses_an_error():
    async def fail():
        raise ValueError("lost")
    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task

def test_leaks_a_thread():
    threading.Thread(target=_stop.wait, name="left-behind", daemon=True).start()

def test_connects_outside():
    with socket.socket() as sock:
        try:
            sock.connect(("192.0.2.1", 80))
        except RuntimeError:
            pass

async def test_connects_outside_from_the_loop():
    try:
        await asyncio.open_connection("192.0.2.2", 80)
    except RuntimeError:
        pass

def test_looks_a_name_up():
    try:
        socket.getaddrinfo("name.example", 80)
    except RuntimeError:
        pass

def test_listens_to_everybody():
    try:
        socket.create_server(("", 0))
    except RuntimeError:
        pass

def test_sends_a_datagram_outside():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.sendto(b"x", ("192.0.2.3", 9))
        except RuntimeError:
            pass

def test_leaves_a_variable():
    os.environ["KAIROS_LEFT"] = "1"

async def test_forgets_to_await():
    async def forgotten():
        pass
    forgotten()
"""

MANNERS = """
import asyncio, os, socket, threading

def test_the_environment_is_clean():
    assert "KAIROS_FROM_THE_SHELL" not in os.environ

def test_sets_a_variable_for_itself(monkeypatch):
    monkeypatch.setenv("KAIROS_MINE", "1")

def test_ends_its_thread():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()

def test_talks_over_a_unix_socket(tmp_path):
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))

async def test_talks_over_loopback():
    async def answer(reader, writer):
        writer.close()
        await writer.wait_closed()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("localhost", port)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

async def test_uses_a_pool_of_threads():
    await asyncio.to_thread(os.getpid)

async def test_cancels_its_task():
    task = asyncio.create_task(asyncio.Event().wait())
    await asyncio.wait([task], timeout=0)
    task.cancel()
"""

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


def test_each_misdeed_turns_its_test_red(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # room for the reasons
    result = _run(pytester, MISDEEDS)
    wanted = {
        "test_leaks_a_task": "left tasks running",
        "test_loses_an_error": "the event loop complained",
        "test_leaks_a_thread": "left threads running: left-behind",
        "test_connects_outside": "outside world: 192.0.2.1",
        "test_connects_outside_from_the_loop": "outside world: 192.0.2.2",
        "test_looks_a_name_up": "outside world: name.example",
        "test_listens_to_everybody": "outside world: every interface",
        "test_sends_a_datagram_outside": "outside world: 192.0.2.3",
        "test_leaves_a_variable": "left in the environment: KAIROS_LEFT",
        "test_forgets_to_await": "Exception ignored in: <coroutine",
    }
    for test, reason in wanted.items():
        result.stdout.re_match_lines([rf"(ERROR|FAILED) \S*::{test} .*{reason}"])


def test_good_manners_stay_green(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAIROS_FROM_THE_SHELL", "1")
    result = _run(pytester, MANNERS)
    result.assert_outcomes(passed=MANNERS.count("def test_"))


def _run(pytester: pytest.Pytester, tests: str) -> pytest.RunResult:
    Path("pytest.ini").write_text(INI)
    pytester.makepyfile(tests)
    return pytester.runpytest_subprocess("-ra", "-p", "tests.support.guards")
