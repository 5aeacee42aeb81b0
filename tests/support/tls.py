"""Certificates for servers of a test, signed by themselves."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.requirements import register, require

__all__ = ["Files", "certificate"]


def _why_no_openssl() -> str | None:
    return None if shutil.which("openssl") else "no openssl on the PATH: apt-get install openssl"


register("openssl", _why_no_openssl)


@dataclass(frozen=True)
class Files:
    """A certificate and its key, PEM."""

    cert: Path
    key: Path


def certificate(folder: Path, name: str) -> Files:
    """Make a certificate for a host name; skips the test where there is no openssl."""
    require("openssl")
    files = Files(folder / f"{name}.pem", folder / f"{name}.key")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-out", str(files.cert), "-keyout", str(files.key)),
            *("-addext", f"subjectAltName=DNS:{name}"),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return files
