"""The API document against the running service: every operation, with right and wrong data.

Schemathesis reads ``/openapi.json`` and sends what it allows and what it forbids. Whatever comes
back must be documented: the status, the kind of content, the headers, the form of the body; and
what the document forbids must be refused.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from adapters.lab.numbers import suffix_world
from adapters.lab.simpbx import SimulatedPbx
from tests.acceptance.kairos_process import KairosProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_TOOL: Final = str(Path(sys.executable).with_name("schemathesis"))
_PROJECT: Final = Path(__file__).parents[2]
_KEY: Final = re.compile(r"kai_[a-z0-9]+_[A-Za-z0-9_-]+")
_EXAMPLES: Final = 12
_WITHIN: Final = 180.0
_CONFIG: Final = """
[checks]
# The document cannot say which telephone numbers exist, or which hour is lawful.
positive_data_acceptance.enabled = false
# Wrong keys from one address are soon refused with 429; tests/integration tries each of them.
ignored_auth.enabled = false
missing_required_header.expected-statuses = [400, 401, 403, 406, 415, 422, 428]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428]

# A batch is answered with 200; what is wrong with an item is told in its place.
[[operations]]
include-path-regex = "/batch$"
checks.negative_data_rejection.enabled = false

# These two are kept out of the others' reach, who cancel and complete what they find.
[[operations]]
include-operation-id = "changeCallback"
parameters = {{ "path.callback_id" = "{first}" }}

[[operations]]
include-operation-id = "rescheduleCallback"
parameters = {{ "path.callback_id" = "{second}" }}
"""


async def test_whatever_the_service_answers_is_in_its_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _served(tmp_path) as (kairos, url, key):
        first, second, *others = await _something_there(url, key)
        (tmp_path / "schemathesis.toml").write_text(_CONFIG.format(first=first, second=second))
        known = {"DOCUMENT_RUN_KEY": key, "DOCUMENT_RUN_CALLBACKS": " ".join(others)}
        code, printed = await _run(tmp_path, url, key, known)
        errors = [one for one in kairos.logged(level="error") if one["event"] == "http.failed"]
        audit = await kairos.run("audit")
    told = _figures(printed)
    with capsys.disabled():
        print("\n" + told)
    assert code == 0, printed[-6000:]
    assert errors == []
    assert audit.code == 0, audit.printed


def _figures(printed: str) -> str:
    lines = printed.splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith("API Operations:")), 0)
    return "\n".join(line for line in lines[start:] if line.strip())


@asynccontextmanager
async def _served(folder: Path) -> AsyncIterator[tuple[KairosProcess, str, str]]:
    """Serve on a simulated PBX; yields the process, the address and an administrator's key."""
    secret = folder / "secret"
    async with SimulatedPbx(
        suffix_world(), cel_file=folder / "cel.csv", wire_log=folder / "wire.jsonl", speed=20.0
    ) as pbx:
        secret.write_text(pbx.secret)
        secret.chmod(0o600)
        kairos = KairosProcess(folder, _settings(folder, pbx.port, secret))
        try:
            await kairos.serve()
            made = await kairos.run("keys", "create", "document", "--scope", "admin")
            found = _KEY.search(made.printed)
            assert found, made.printed
            [listens] = kairos.logged("api.listening")
            yield kairos, str(listens["url"]).rstrip("/"), found.group()
            await kairos.stop()
        finally:
            await kairos.kill()


def _settings(folder: Path, port: int, secret: Path) -> dict[str, Any]:
    return {
        "profile": "practice",
        "data_dir": str(folder / "data"),
        "default_country": "GB",
        "carriers": {
            "office": {
                "type": "lab",
                "port": port,
                "secret_file": str(secret),
                "channel": "PJSIP/{number}@lab",
                "routes": {
                    "talk": {"context": "kairos-talk", "exten": "stay", "needs_agent": False}
                },
                "cel_file": str(folder / "cel.csv"),
            }
        },
        "queues": {
            "calls": {"carriers": ["office"], "route": "talk", "retry_rules": "practice"},
        },
        "api": {"port": 0, "rate_limit": {"requests_per_second": 5000, "burst": 50_000}},
        "webhooks": {"allow_http": True, "allow_private": True},
    }


async def _something_there(url: str, key: str) -> Sequence[str]:
    """Ask for some callbacks, so that there is something to read and to change."""
    items = [
        {"number": f"+44207946{n:04}", "deadline": "P2D", "preferred": _TOMORROW}
        for n in range(900, 930)
    ]
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(url, headers=headers) as client,
        client.post("/v1/callbacks/batch", json={"items": items}) as response,
    ):
        made = await response.json()
        assert response.status == 200, made
        return [str(one["id"]) for one in made["results"]]


async def _run(folder: Path, url: str, key: str, known: Mapping[str, str]) -> tuple[int, str]:
    """Run the tool over the document; returns its exit status and what it printed."""
    config = folder / "schemathesis.toml"
    process = await asyncio.create_subprocess_exec(
        *(_TOOL, "--config-file", str(config), "run", f"{url}/openapi.json"),
        *("--header", f"Authorization: Bearer {key}"),
        *("--max-examples", str(_EXAMPLES), "--seed", "1", "--no-color"),
        *("--exclude-operation-id", "streamEvents"),  # it never ends; tests/integration reads it
        *("--continue-on-failure", "--request-timeout", "15", "--workers", "1"),
        cwd=folder,
        env={
            **os.environ,
            **known,
            "SCHEMATHESIS_HOOKS": "tests.acceptance.document_hooks",
            "PYTHONPATH": str(_PROJECT),
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_WITHIN):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, printed.decode()


_TOMORROW: Final = [{"start": "00:00", "end": "24:00"}]
