"""A customer relations system at work: over HTTP alone, to a real Asterisk and back.

Asked for with ``curl``, read with types that a public generator made from our own document, and
told by webhooks which an independent library verifies.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
import yaml
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from adapters.lab.asterisk import AsteriskLab
from adapters.lab.numbers import number_for
from tests.acceptance.far_ends import RETRY_RULES
from tests.acceptance.kairos_process import KairosProcess

pytestmark = [pytest.mark.asterisk, pytest.mark.slow, pytest.mark.timeout(180)]

_WITHIN: Final = 60.0
_KEY: Final = re.compile(r"kai_[A-Za-z0-9]+_[A-Za-z0-9_-]+")


@dataclass(slots=True)
class Curl:
    """Talks to the API as a shell script would."""

    base: str
    key: str
    said: list[str] = field(default_factory=list)

    async def ask(
        self, method: str, path: str, body: object = None, *headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Return status, headers (lower case) and JSON of one request."""
        command = ["curl", "-sS", "-i", "--max-time", "10", "-X", method, self.base + path]
        command += ["-H", f"Authorization: Bearer {self.key}"]
        for header in headers:
            command += ["-H", header]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data-binary", json.dumps(body)]
        said = await _output(*command)
        head, _, text = said.replace("\r\n", "\n").partition("\n\n")
        first, *rest = head.split("\n")
        status = int(first.split()[1])
        told = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)
        }
        self.said.append(f"{method} {path} -> {status}")
        return status, told, json.loads(text) if text else None


@dataclass(slots=True)
class Receiver:
    """Somebody else's server: keeps every message as it came."""

    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Take a message."""
        self.came.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        return web.Response(status=204)


@dataclass(slots=True)
class Client:
    """Reads answers with generated types, as the document says they are."""

    types: ModuleType
    document: dict[str, Any]

    def read(self, operation: str, status: int, body: object) -> Any:  # noqa: ANN401 -- generated
        """Return an answer as its generated type; raises where it is not what was promised."""
        [found] = [
            one
            for path in self.document["paths"].values()
            for one in path.values()
            if isinstance(one, dict) and one.get("operationId") == operation
        ]
        schema = found["responses"][str(status)]["content"]["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        return getattr(self.types, name).model_validate(body)


async def test_a_callback_is_asked_for_watched_moved_made_and_told_of_over_http_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        AsteriskLab() as lab,
        _receiver() as receiver,
        _served(tmp_path, lab) as (kairos, curl),
    ):
        document = await _document(curl, tmp_path)
        client = Client(await _generated(document, tmp_path), json.loads(document.read_text()))
        secret = await _tell_me(curl, receiver)

        status, _, held = await curl.ask("POST", "/v1/queues/calls/hold", {"reason": "not yet"})
        assert status in {200, 201}, held
        wanted = {
            "number": number_for("busy_then_human"),
            "name": "Aino Virtanen",
            "reason": "a question about the bill",
            "legal_basis": "asked for the call",
        }
        status, headers, body = await curl.ask(
            "POST", "/v1/callbacks", wanted, "Idempotency-Key: order-4711"
        )
        assert status == 201, body
        taken = client.read("createCallback", 201, body)
        path = headers["location"]
        assert path.endswith(taken.id)

        status, headers, again = await curl.ask(
            "POST", "/v1/callbacks", wanted, "Idempotency-Key: order-4711"
        )
        assert headers.get("idempotent-replayed") == "true"
        assert again["id"] == taken.id

        status, _, body = await curl.ask("GET", f"{path}/why")
        assert status == 200
        assert "not yet" in json.dumps(body)

        at = datetime.now(UTC) + timedelta(seconds=4)
        status, _, body = await curl.ask("POST", f"{path}/reschedule", {"at": at.isoformat()})
        assert status == 200, body
        moved = client.read("rescheduleCallback", 200, body)
        assert moved.plan.decider.startswith("human:")

        stream = asyncio.create_task(_watch(curl, taken.id))
        status, _, body = await curl.ask("POST", "/v1/resume", {"target": "queue:calls"})
        assert status == 200, body

        done = await _closed(curl, path, kairos)
        assert client.read("readCallback", 200, done).state.value == "DONE"
        _, _, body = await curl.ask("GET", f"{path}/attempts")
        client.read("listAttempts", 200, body)
        told = [one["disposition"] for one in body["data"]]
        assert told == ["busy", "busy", "answered_human"]
        assert [leg["evidence"]["tech_cause"] for leg in body["data"][0]["legs"]] == [486]
        placed = datetime.fromisoformat(body["data"][0]["legs"][0]["sending_at"])
        assert placed >= at, "it was dialed before the time it was moved to"

        events = await _told(receiver, secret, taken.id)
        streamed = await stream
        with capsys.disabled():
            print("\n" + "\n".join(curl.said))
            print(f"{len(receiver.came)} webhooks, all verified: {', '.join(events)}")
            print(f"stream: {', '.join(streamed)}")
        assert events[0] == "callback.requested"
        assert events[-1] == "callback.done"
        assert events.count("attempt.ended") == 3
        assert streamed[-1] == "callback.done"
        assert "Aino" not in "".join(body.decode() for _, body in receiver.came)


@asynccontextmanager
async def _served(folder: Path, lab: AsteriskLab) -> AsyncIterator[tuple[KairosProcess, Curl]]:
    settings = {
        "profile": "practice",
        "data_dir": str(folder / "data"),
        "default_country": "GB",
        "retry_rules_file": str(folder / "retry-rules.yaml"),
        "carriers": {
            "office": {
                "type": "lab",
                "port": lab.ami_port,
                "secret_file": str(lab.secret_file),
                "channel": "PJSIP/{number}@lab",
                "routes": {
                    "talk": {"context": "kairos-talk", "exten": "stay", "needs_agent": False}
                },
                "cel_file": str(lab.cel_file),
            }
        },
        "queues": {
            "calls": {
                "carriers": ["office"],
                "route": "talk",
                "retry_rules": "again",
                "deadline": "1h",
                "max_talk": 60,
            }
        },
        "api": {"port": 0},
        "webhooks": {"allow_http": True, "allow_private": True},
    }
    (folder / "retry-rules.yaml").write_text(yaml.safe_dump(RETRY_RULES))
    kairos = KairosProcess(folder, settings)
    try:
        await kairos.serve()
        made = await kairos.run("keys", "create", "crm", "--scope", "admin")
        found = _KEY.search(made.printed)
        assert found, made.printed
        assert found.group() not in kairos.last_words(1000), "a key in the log"
        [listens] = kairos.logged("api.listening")
        yield kairos, Curl(str(listens["url"]).rstrip("/"), found.group())
        await kairos.stop()
    finally:
        await kairos.kill()


@asynccontextmanager
async def _receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.add_routes([web.post("/hook", receiver.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    [(_, port)] = runner.addresses
    receiver.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def _document(curl: Curl, folder: Path) -> Path:
    status, _, document = await curl.ask("GET", "/openapi.json")
    assert status == 200
    assert str(document["openapi"]).startswith("3.1")
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    return path


async def _generated(document: Path, folder: Path) -> ModuleType:
    """Let a public generator make a client's types from our document, and load them."""
    target = folder / "client.py"
    tool = Path(sys.executable).with_name("datamodel-codegen")
    await _output(
        str(tool),
        *("--input", str(document), "--input-file-type", "openapi", "--output", str(target)),
        *("--output-model-type", "pydantic_v2.BaseModel", "--target-python-version", "3.11"),
    )
    spec = importlib.util.spec_from_file_location("generated_client", target)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generated_client"] = module
    spec.loader.exec_module(module)
    return module


async def _tell_me(curl: Curl, receiver: Receiver) -> str:
    status, _, body = await curl.ask("POST", "/v1/webhooks", {"url": receiver.url})
    assert status == 201, body
    return str(body["secret"])


async def _closed(curl: Curl, path: str, kairos: KairosProcess) -> dict[str, Any]:
    ends = time.monotonic() + _WITHIN
    while time.monotonic() < ends:
        _, _, body = await curl.ask("GET", path)
        curl.said.pop()
        if body["closed_at"] is not None:
            return dict(body)
        await asyncio.sleep(0.3)
    raise AssertionError(f"the callback was not closed:\n{kairos.last_words()}")


async def _watch(curl: Curl, callback_id: str) -> list[str]:
    """Return the types of the events a browser would see, up to the end of the callback."""
    process = await asyncio.create_subprocess_exec(
        *("curl", "-sSN", "--max-time", str(_WITHIN)),
        f"{curl.base}/v1/stream?callback_id={callback_id}",
        *("-H", f"Authorization: Bearer {curl.key}"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    seen: list[str] = []
    async for line in process.stdout:
        if line.startswith(b"event:"):
            seen.append(line.decode().partition(":")[2].strip())
            if seen[-1] == "callback.done":
                break
    process.terminate()
    await process.wait()
    return seen


async def _told(receiver: Receiver, secret: str, callback_id: str) -> list[str]:
    """Return what was told about the callback, in the order it came; each message is verified."""
    ends = time.monotonic() + _WITHIN
    judge = Webhook(secret)
    while time.monotonic() < ends:
        told = [judge.verify(body, headers) for headers, body in receiver.came]
        ours = [one["type"] for one in told if one["data"].get("callback_id") == callback_id]
        if ours[-1:] == ["callback.done"]:
            ids = [headers["webhook-id"] for headers, _ in receiver.came]
            assert len(set(ids)) == len(ids), "a message that was taken came again"
            return ours
        await asyncio.sleep(0.2)
    raise AssertionError(f"told only {[body for _, body in receiver.came]}")


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(_WITHIN):
        out, err = await process.communicate()
    assert process.returncode == 0, f"{' '.join(command[:2])}: {err.decode()}"
    return out.decode()
