"""A look at a manager port tells how far one gets, and what is in the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.asterisk import Secret, Target, probe
from adapters.lab.asterisk import TALK, AsteriskLab
from adapters.lab.simpbx import SimulatedPbx
from adapters.lab.simpbx.users import rights


def target(port: int, secret: str = "right", **more: object) -> Target:
    base = Target(host="127.0.0.1", port=port, username="kairos", secret=Secret(secret))
    return replace(base, **more)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def someone_says(text: bytes) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_switch_that_may_be_used_tells_its_version_run_and_clock() -> None:
    async with SimulatedPbx(secret="right") as pbx:
        found = await probe(target(pbx.port))
    assert (found.reached, found.problem, found.missing) == ("all", "", ())
    assert found.version.startswith("22.")
    assert found.boot_epoch
    assert found.heard_boot
    assert found.clock_ahead is not None
    assert abs(found.clock_ahead) < 1


async def test_a_wrong_password_ends_at_the_login_and_is_not_repeated() -> None:
    async with SimulatedPbx(secret="right") as pbx:
        found = await probe(target(pbx.port, "guessed-it"))
    assert found.reached == "login"
    assert found.problem == "Authentication failed"
    assert "guessed-it" not in repr(found)


async def test_a_closed_port_and_a_stranger_behind_it_are_told_apart() -> None:
    async with SimulatedPbx(secret="right") as pbx:
        port = pbx.port
    assert (await probe(target(port))).reached == "port"
    async with someone_says(b"SSH-2.0-OpenSSH_9.7\r\n") as stranger:
        found = await probe(target(stranger))
    assert found.reached == "greeting"
    assert "does not greet like an Asterisk" in found.problem


async def test_a_port_without_encryption_is_told_when_tls_is_wanted() -> None:
    async with SimulatedPbx(secret="right") as pbx:
        found = await probe(target(pbx.port, tls=True))
    assert found.reached == "tls"


@pytest.mark.parametrize(
    ("granted", "lacking"),
    [("originate,call", ("reporting",)), ("reporting", ("originate", "call"))],
)
async def test_every_right_that_lacks_is_named_at_once(
    granted: str, lacking: tuple[str, ...]
) -> None:
    async with SimulatedPbx(secret="right") as pbx:
        pbx._users["kairos"] = replace(pbx._users["kairos"], write=rights(granted))
        found = await probe(target(pbx.port))
    assert found.reached == "rights"
    assert found.missing == lacking


async def test_a_user_who_may_not_read_system_hears_no_word_of_the_boot() -> None:
    async with SimulatedPbx(secret="right") as pbx:
        pbx._users["kairos"] = replace(pbx._users["kairos"], read=rights("call"))
        found = await probe(target(pbx.port))
    assert (found.reached, found.heard_boot) == ("all", False)


@pytest.mark.asterisk
async def test_a_real_asterisk_tells_which_places_its_dialplan_has() -> None:
    here, wrong, nowhere = (TALK, "stay"), (TALK, "nobody"), ("kairos-nowhere", "x")
    async with AsteriskLab() as lab:
        found = await probe(target(lab.ami_port, lab.secret, places=(here, wrong, nowhere)))
    assert found.reached == "all"
    assert found.places == {here: True, wrong: False, nowhere: False}
