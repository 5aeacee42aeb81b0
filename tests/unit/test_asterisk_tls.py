"""The link over TLS: the certificate is always looked at."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fake_ami import FakeAmi
from tests.support.link_rig import Rig, running
from tests.support.requirements import register, require


def _why_no_openssl() -> str | None:
    return None if shutil.which("openssl") else "no openssl on the PATH: apt-get install openssl"


register("openssl", _why_no_openssl)


@pytest.fixture(autouse=True)
def _openssl() -> None:
    require("openssl")


def certificate(folder: Path, name: str, address: str) -> tuple[Path, Path]:
    """Make a certificate for an address, signed by itself. Returns it and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=pbx", "-out", str(cert), "-keyout", str(key)),
            *("-addext", f"subjectAltName={address}"),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return cert, key


def server(folder: Path, address: str = "IP:127.0.0.1") -> tuple[FakeAmi, Path]:
    cert, key = certificate(folder, "pbx", address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return FakeAmi(tls=context), cert


async def test_a_certificate_for_the_address_is_accepted(tmp_path: Path) -> None:
    fake, cert = server(tmp_path)
    async with fake as ami, running(Rig(ami, tls_ca=cert)) as rig:
        await rig.up()
        assert (await rig.link.request({"Action": "Ping"}, timeout=1)).name == b"Success"


async def test_a_certificate_for_a_name_given(tmp_path: Path) -> None:
    fake, cert = server(tmp_path, "DNS:pbx.internal")
    rig_settings = {"tls_ca": cert, "tls_server_name": "pbx.internal"}
    async with fake as ami, running(Rig(ami, **rig_settings)) as rig:
        await rig.up()


@pytest.mark.parametrize("wrong", ["issuer", "address", "system"])
async def test_any_other_certificate_is_not(tmp_path: Path, wrong: str) -> None:
    fake, cert = server(tmp_path, "IP:127.0.0.2" if wrong == "address" else "IP:127.0.0.1")
    if wrong == "issuer":
        cert, _ = certificate(tmp_path, "another", "IP:127.0.0.1")
    how = {"tls": True} if wrong == "system" else {"tls_ca": cert}
    async with fake as ami, running(Rig(ami, **how)) as rig:
        await rig.until(lambda: rig.waits == 1)
        assert "certificate" in rig.link.reason
        assert ami.actions == [], "no secret for a stranger"


async def test_a_missing_authority_is_told(tmp_path: Path) -> None:
    async with FakeAmi() as ami, running(Rig(ami, tls_ca=tmp_path / "none.pem")) as rig:
        await rig.until(lambda: rig.waits == 1)
        assert "No such file" in rig.link.reason


async def test_no_plain_text_to_a_tls_port_nor_the_other_way(tmp_path: Path) -> None:
    fake, cert = server(tmp_path)
    async with fake as ami, running(Rig(ami, login_timeout=0.2)) as rig:
        await rig.until(lambda: rig.waits == 1)
        assert ami.actions == []
    async with FakeAmi() as plain, running(Rig(plain, tls_ca=cert, connect_timeout=0.5)) as rig:
        await rig.until(lambda: rig.waits == 1)
        assert plain.named("Login") == []


def test_tls_follows_from_an_authority(tmp_path: Path) -> None:
    settings = Rig(FakeAmi()).link._settings
    assert not settings.uses_tls
    assert replace(settings, tls_ca=tmp_path).uses_tls
