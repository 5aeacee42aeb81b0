"""A real Asterisk with people at the other end, for tests, demos and benchmarks.

Two Asterisks on loopback: the near one is the PBX the gateway talks to; the
far one is the carrier, whose dialplan asks the :class:`World` how each call
goes. For load the far end can be SIPp instead.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self

from adapters.lab import sipp
from adapters.lab.ami import AmiClient, ami_session
from adapters.lab.config import agent_lines, free_ports, write_config
from adapters.lab.errors import LabUnavailable
from adapters.lab.fastagi import FastAgiServer
from adapters.lab.fetch import Installation, obtain
from adapters.lab.numbers import suffix_world
from adapters.lab.people import Switchboard, WireCall, read_wire_log
from adapters.lab.process import Child, check_host_name, sip_answers
from adapters.lab.sounds import write_sounds
from adapters.lab.world import World

DIAL: Final = "PJSIP/{number}@lab"
"""How to dial a customer; ``number`` is E.164 with ``+``."""
AGENT_DIAL: Final = "PJSIP/{agent}"
"""How to dial an agent; ``agent`` is ``agent1`` to ``agent99``."""

CONNECT: Final = "kairos-connect"
"""Context: the answered customer is put through to the agent named by the extension."""
QUEUE: Final = "kairos-queue"
"""Context: the answered customer goes to the queue named by the extension (``support``)."""
AMD: Final = "kairos-amd"
"""Context: answering machine detection first, then as :data:`CONNECT`; machines are hung up on."""
HOLD: Final = "kairos-hold"
"""Context: the answered agent waits on music; extension ``wait``."""
BRIDGE: Final = "kairos-bridge"
"""Context: the answered customer joins the channel in ``KAIROS_AGENT``; extension ``join``."""
TALK: Final = "kairos-talk"
"""Context: no agent, the line just stays open; extension ``stay``."""


class AsteriskLab:
    """Brings the lab up on entry and takes it away on exit; an async context manager.

    ``world``: who answers how, by default the published number table.
    ``far_end``: ``people`` (a second Asterisk asking the world) or ``sipp``
    (answers everybody at once, for load; only the number table counts).
    ``clock``: the aware instant shown to the world. ``run_dir``: where to
    work; by default a temporary folder, removed at exit unless ``keep``.
    ``load_talk_seconds``: with ``sipp``, how long people stay on the line.
    Entering raises :class:`LabUnavailable` when there is no Asterisk or it
    does not start. All ports are free loopback ports, valid from entry on.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        far_end: Literal["people", "sipp"] = "people",
        clock: Callable[[], datetime] | None = None,
        run_dir: Path | None = None,
        keep: bool = False,
        load_talk_seconds: float | None = None,
    ) -> None:
        self.world: World = world if world is not None else suffix_world()
        self.ami_host = "127.0.0.1"
        self.user = "kairos"
        self.secret = secrets.token_hex(24)
        self.observer_secret = secrets.token_hex(24)
        self._far_end = far_end
        self._load_talk_seconds = load_talk_seconds
        self._clock = clock
        self._wanted_dir = run_dir
        self._keep = keep
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await check_host_name()
        with ThreadPoolExecutor(1, "lab-fetch") as pool:
            loop = asyncio.get_running_loop()
            self.installation: Installation = await loop.run_in_executor(pool, obtain)
        async with AsyncExitStack() as stack:
            self._lay_out(stack)
            await self._start_far_end(stack)
            self._near = await self._prepare_near(stack)
            await self.start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    def _lay_out(self, stack: AsyncExitStack) -> None:
        if self._wanted_dir is None:
            self.run_dir = Path(tempfile.mkdtemp(prefix="kairos-lab-"))
            if not self._keep:
                stack.callback(shutil.rmtree, self.run_dir, ignore_errors=True)
        else:
            self.run_dir = self._wanted_dir.absolute()
            self.run_dir.mkdir(parents=True, exist_ok=True)
        self.log_dir = self.run_dir / "near" / "log"
        self.cel_file = self.log_dir / "cel-custom" / "kairos.csv"
        self.far_cel_file = self.run_dir / "far" / "log" / "cel-custom" / "kairos.csv"
        self.wire_log = self.run_dir / ("wire.jsonl" if self._far_end == "people" else "wire.log")
        self.secret_file = self.run_dir / "ami-secret"
        self.secret_file.touch(mode=0o600)
        self.secret_file.write_text(self.secret + "\n")
        write_sounds(self.run_dir / "sounds")
        self.ami_port, self._near_sip, self._far_sip = free_ports("tcp", "udp", "udp")

    def _values(self, *, sip_port: int, rtp_first: int) -> dict[str, str]:
        return {
            "MODULES": str(self.installation.modules),
            "DATA": str(self.installation.data),
            "SOUNDS": str(self.run_dir / "sounds"),
            "SIP_PORT": str(sip_port),
            "FAR_SIP_PORT": str(self._far_sip),
            "RTP_FIRST": str(rtp_first),
            "RTP_LAST": str(rtp_first + 9999),
            "AMI_PORT": str(self.ami_port),
            "AMI_USER": self.user,
            "AMI_SECRET": self.secret,
            "OBSERVER_SECRET": self.observer_secret,
            "AGENTS": agent_lines(self._far_sip),
            "VERBOSE": "",
            "TRANSMIT_SILENCE": "no",
        }

    def _switch(self, name: Literal["near", "far"], values: dict[str, str]) -> Child:
        conf = write_config(name, self.run_dir / name, values)
        output = self.run_dir / name / "log" / "output"
        return Child(
            f"Asterisk ({name} end)", (*self.installation.asterisk, "-f", "-C", str(conf)), output
        )

    async def _start_far_end(self, stack: AsyncExitStack) -> None:
        if self._far_end == "sipp":
            await self._start_sipp(stack)
            return
        switchboard = Switchboard(self.world, self.wire_log, self._clock)
        stack.callback(switchboard.close)
        agi = await stack.enter_async_context(FastAgiServer(switchboard.meet))
        values = {
            **self._values(sip_port=self._far_sip, rtp_first=20000),
            "AGI_PORT": str(agi.port),
            "TRANSMIT_SILENCE": "yes",
        }
        self._far = self._switch("far", values)
        stack.push_async_callback(self._far.kill)
        await self._far.start(self._far_ready)

    async def _start_sipp(self, stack: AsyncExitStack) -> None:
        if self.installation.sipp is None:
            raise LabUnavailable("SIPp is not installed", "Install the package sip-tester")
        far = self.run_dir / "far"
        far.mkdir(exist_ok=True)
        (far / "scenario.xml").write_text(sipp.scenario(self._load_talk_seconds))
        command = sipp.command(
            self.installation.sipp, far / "scenario.xml", self._far_sip, self.wire_log
        )
        self._far = Child("SIPp", command, far / "output")
        stack.push_async_callback(self._far.kill)
        await self._far.start(self._far_ready)

    async def _prepare_near(self, stack: AsyncExitStack) -> Child:
        child = self._switch("near", self._values(sip_port=self._near_sip, rtp_first=10000))
        stack.push_async_callback(child.kill)
        return child

    async def start(self) -> None:
        """Start the PBX again after :meth:`kill` or :meth:`stop`, on the same ports (0.5-1 s)."""
        await self._near.start(self._booted)

    async def kill(self) -> None:
        """Kill the PBX at once (SIGKILL), as a power cut would. The far end lives on."""
        await self._near.kill()

    async def stop(self) -> None:
        """Stop the PBX in good order (SIGTERM): it says goodbye on AMI first."""
        self._near.signal(signal.SIGTERM)
        await self._near.wait()

    def freeze(self) -> None:
        """Make the PBX hang (SIGSTOP): its connections stay open and silent."""
        self._near.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen PBX go on."""
        self._near.signal(signal.SIGCONT)

    async def cut_trunk(self) -> None:
        """Kill the far end: the carrier is gone, with everybody behind it."""
        await self._far.kill()

    async def restore_trunk(self) -> None:
        """Bring the far end back after :meth:`cut_trunk`."""
        await self._far.start(self._far_ready)

    async def _far_ready(self) -> bool:
        if self._far_end == "sipp":
            return sipp.bound(self._far_sip)
        return await sip_answers(self._far_sip)

    def calls(self) -> list[WireCall]:
        """Return every call that reached the far end so far, oldest first."""
        if self._far_end == "sipp":
            return sipp.read_log(self.wire_log)
        return read_wire_log(self.wire_log)

    async def cli(self, command: str) -> str:
        """Run a console command on the PBX and return what it prints (10 s at most)."""
        conf = self.run_dir / "near" / "etc" / "asterisk.conf"
        process = await asyncio.create_subprocess_exec(
            *(*self.installation.asterisk, "-C", str(conf), "-rx", command),
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(10.0):
            printed, _ = await process.communicate()
        return printed.decode(errors="replace")

    @asynccontextmanager
    async def session(self, *, observer: bool = False) -> AsyncIterator[AmiClient]:
        """Open a raw AMI session as the gateway's user, or as the all-seeing ``observer``."""
        user, secret = ("observer", self.observer_secret) if observer else (self.user, self.secret)
        async with ami_session(self.ami_host, self.ami_port, user, secret) as client:
            yield client

    async def _booted(self) -> bool:
        try:
            async with self.session() as client:
                await client.event("FullyBooted", within=10.0)
        except (OSError, LabUnavailable):
            return False
        return True
