"""Starts, watches and ends one child process of the lab."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from adapters.lab.errors import LabUnavailable

_READY_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_LAST_LINES: Final = 12


class Child:
    """A process in its own process group, ended by SIGKILL with the lab.

    ``output`` receives what it prints. Where ``setpriv`` exists the kernel
    kills it too when this Python process dies.
    """

    def __init__(self, name: str, command: Sequence[str], output: Path) -> None:
        self.name = name
        setpriv = shutil.which("setpriv")
        self._command = (setpriv, "--pdeathsig", "KILL", *command) if setpriv else tuple(command)
        self._output = output
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return (
            None
            if self._process is None or self._process.returncode is not None
            else self._process.pid
        )

    async def start(self, ready: Callable[[], Awaitable[bool]]) -> None:
        """Start and poll ``ready`` until it is true, at most 20 s.

        Raises :class:`LabUnavailable`, with the last lines it printed, when
        it ends early or never gets ready; it is dead then.
        """
        if self.pid is not None:
            raise RuntimeError(f"{self.name} runs already")
        with self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=self._output.parent,
            )
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._until(ready, self._process)
        except TimeoutError:
            await self.kill()
            raise self._failed(f"was not ready within {_READY_SECONDS:.0f} s") from None
        except BaseException:
            await self.kill()
            raise

    async def _until(
        self, ready: Callable[[], Awaitable[bool]], process: asyncio.subprocess.Process
    ) -> None:
        while not await ready():
            if process.returncode is not None:
                raise self._failed(f"ended at once with code {process.returncode}")
            await asyncio.sleep(_POLL_SECONDS)

    def _failed(self, what: str) -> LabUnavailable:
        said = self._output.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        reason = f"{self.name} {what}; it said: {' | '.join(said) or 'nothing'}"
        return LabUnavailable(reason, f"Look into {self._output.parent}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group; nothing when it does not run."""
        if (pid := self.pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, number)

    async def kill(self) -> None:
        """End it with SIGKILL and wait; nothing when it does not run."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def wait(self, within: float = 10.0) -> None:
        """Wait until it has ended. Raises :class:`TimeoutError`."""
        if self._process is not None:
            async with asyncio.timeout(within):
                await self._process.wait()


async def check_host_name() -> None:
    """Raise :class:`LabUnavailable` when this machine cannot resolve its own name at once.

    Asterisk looks it up for every SIP call and blocks five seconds per try,
    so that calls crawl for no visible reason.
    """
    name = socket.gethostname()
    if (getent := shutil.which("getent")) is None:
        return
    process = await asyncio.create_subprocess_exec(
        getent, "ahosts", name, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(2.0):
            if await process.wait() == 0:
                return
    except TimeoutError:
        process.kill()
        await process.wait()
    raise LabUnavailable(
        f"this machine's host name {name!r} does not resolve: every SIP call would block for 5 s",
        f"Add the line '127.0.0.1 {name}' to the hosts file",
    )


async def sip_answers(port: int) -> bool:
    """Whether somebody speaks SIP on this loopback UDP port (asks OPTIONS, waits 0.2 s)."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(0)
        one.bind(("127.0.0.1", 0))
        mine = one.getsockname()[1]
        ask = (
            f"OPTIONS sip:ready@127.0.0.1:{port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{mine};branch=z9hG4bK{mine}\r\n"
            f"From: <sip:lab@127.0.0.1>;tag={mine}\r\nTo: <sip:ready@127.0.0.1>\r\n"
            f"Call-ID: ready-{mine}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        with contextlib.suppress(OSError, TimeoutError):
            one.connect(("127.0.0.1", port))
            await loop.sock_sendall(one, ask.encode())
            async with asyncio.timeout(0.2):
                return (await loop.sock_recv(one, 2048)).startswith(b"SIP/2.0")
    return False
