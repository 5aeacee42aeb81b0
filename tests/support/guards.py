"""What no test may do: leave a task or a thread behind, reach outside, or depend on the shell.

A pytest plugin. Each guard is an autouse fixture which is set up before the test's own
fixtures and judges after their end. The guards hold inside this process; a program that
a test starts is outside their reach.
"""

import asyncio
import ipaddress
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
import structlog

#: Threads that live on between tests by design, by the beginning of their name.
KNOWN_POOLS = ("pytest_timeout",)

#: A thread that was told to stop gets this long to do so, in seconds.
THREAD_GRACE = 2.0

#: A task that was cancelled gets this many turns of the loop to end.
TASK_GRACE = 20

#: The product's settings; those of the lab are about the machine and stay.
_OUR_VARIABLES = "KAIROS_"
_LAB_VARIABLES = "KAIROS_LAB_"
_INET = (socket.AF_INET, socket.AF_INET6)
_GUARDED = ("bind", "connect", "connect_ex", "sendto")
_getaddrinfo = socket.getaddrinfo
_patches = pytest.MonkeyPatch()
_refused: list[str] = []


class OutsideWorldError(RuntimeError):
    """A test reached for an address that is not on this machine's loopback."""


def pytest_configure() -> None:
    for name in _our_variables():
        _patches.delenv(name)
    for method in _GUARDED:
        _patches.setattr(socket.socket, method, _guarded(method))
    _patches.setattr(socket, "getaddrinfo", _guarded_getaddrinfo)


def pytest_unconfigure() -> None:
    _patches.undo()


@pytest.fixture
def refused_addresses() -> list[str]:
    """The addresses refused so far in this test; a test that means it clears the list."""
    return _refused


@pytest.fixture(autouse=True)
def _nothing_outside() -> Iterator[None]:
    _refused.clear()
    yield
    if _refused:
        # Said again here, for the test may have caught the refusal itself.
        pytest.fail(f"reached for the outside world: {', '.join(_refused)}", pytrace=False)


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    yield
    left = _our_variables()
    for name in left:
        del os.environ[name]
    if left:
        pytest.fail(f"left in the environment: {', '.join(left)}", pytrace=False)


@pytest.fixture(autouse=True)
def _plain_logging() -> Iterator[None]:
    """Undo what a command set up for the whole process, so that the next test hears everything."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _no_leaked_threads(_nothing_outside: None, _clean_environment: None) -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    leaked = [thread for thread in left if not thread.name.startswith(KNOWN_POOLS)]
    for thread in leaked:
        thread.join(THREAD_GRACE)
    alive = [thread.name for thread in leaked if thread.is_alive()]
    if alive:
        pytest.fail(f"left threads running: {', '.join(alive)}", pytrace=False)


@pytest.fixture(autouse=True)
def _no_leaked_tasks(request: pytest.FixtureRequest, _no_leaked_threads: None) -> None:
    if not pytest_asyncio.is_async_test(request.node):
        return
    mark = request.node.get_closest_marker("asyncio")
    if mark is not None and mark.kwargs.get("loop_scope", "function") != "function":
        pytest.fail("every test has its own event loop: no loop_scope here", pytrace=False)
    # Asked for only now: a test without a loop should not pay for one.
    request.getfixturevalue("_watched_loop")


@pytest.fixture
async def _watched_loop() -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    complaints: list[str] = []

    def note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        complaints.append(f"{context.get('message')} ({context.get('exception')!r})")
        loop.default_exception_handler(context)

    loop.set_exception_handler(note)
    before = asyncio.all_tasks()
    yield
    leaked = await _still_running(before)
    if leaked:
        pytest.fail(f"left tasks running: {'; '.join(map(repr, leaked))}", pytrace=False)
    if complaints:
        pytest.fail(f"the event loop complained: {'; '.join(complaints)}", pytrace=False)


async def _still_running(before: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    ours = asyncio.current_task()
    left: list[asyncio.Task[Any]] = []
    for _ in range(TASK_GRACE):
        left = [task for task in asyncio.all_tasks() if task not in before and task is not ours]
        if not left:
            break
        await asyncio.sleep(0)
    return left


def _our_variables() -> list[str]:
    return sorted(
        name
        for name in os.environ
        if name.startswith(_OUR_VARIABLES) and not name.startswith(_LAB_VARIABLES)
    )


def _guarded(method: str) -> Callable[..., object]:
    original: Callable[..., object] = getattr(socket.socket, method)

    def guarded(self: socket.socket, *args: Any) -> object:
        if self.family in _INET:
            # The address is the last argument of all four.
            _refuse_unless_loopback(str(args[-1][0]))
        return original(self, *args)

    return guarded


def _guarded_getaddrinfo(host: str | bytes | None, *args: Any, **kwargs: Any) -> list[Any]:
    name = host.decode() if isinstance(host, bytes) else host
    if name is not None and not _is_address(name):
        _refuse_unless_loopback(name)  # a name is looked up outside
    return _getaddrinfo(host, *args, **kwargs)


def _refuse_unless_loopback(host: str) -> None:
    if host == "localhost":
        return
    if _is_address(host) and ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        return
    _refused.append(host or "every interface")
    raise OutsideWorldError(f"tests stay on loopback; refused: {host or 'every interface'}")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
