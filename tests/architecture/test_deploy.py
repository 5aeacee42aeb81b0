"""What is deployed is as locked down as it is said to be, and what it names is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from adapters.memory import ManualClock, MemoryStore
from config.settings import Settings
from config.tree import kind_at
from gateway.app.service import Health
from gateway.domain.disposition import Disposition
from gateway.web.api.metrics import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
# The functions and words of PromQL that the rules use, labels aside.
_NO_METRICS = {"absent", "and", "by", "histogram_quantile", "increase", "instance", "le", "or"} | {
    *("rate", "sum", "without", "up")
}


def unit() -> dict[str, str]:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read(DEPLOY / "kairos.service")
    return {key: value for name in parser.sections() for key, value in parser.items(name)}


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(one.split()[0], one.split(maxsplit=1)[1]) for one in joined.splitlines()]


# -- the system service ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"),
        ("StateDirectory", "kairos"),
        ("UMask", "0077"),
        ("RestartPreventExitStatus", "2"),
    ],
)
def test_the_service_is_locked_down(key: str, value: str) -> None:
    assert unit()[key] == value


def test_the_service_does_not_run_as_root_and_has_a_watchdog() -> None:
    found = unit()
    assert found["User"] == "kairos"
    assert found["WatchdogSec"] == "30s"


def test_a_stop_waits_longer_than_open_calls_may_take() -> None:
    drain = Settings.model_fields["dispatch"].default.drain_seconds
    assert int(unit()["TimeoutStopSec"].removesuffix("s")) >= drain + 20


def test_the_service_offers_its_secrets_as_credentials_of_known_settings() -> None:
    text = (DEPLOY / "kairos.service").read_text()
    names = re.findall(r"LoadCredential=([a-z.]+):", text)
    secrets = [name for name in names if name != "api.key"]
    assert secrets
    assert all(kind_at(Settings, name.split(".")) is not None for name in secrets)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_rates_the_service_as_safe() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20"]
    said = subprocess.run(
        [*command, str(DEPLOY / "kairos.service")], capture_output=True, text=True, check=False
    )
    if "Unknown" in said.stderr or "unrecognized" in said.stderr:
        pytest.skip("this systemd-analyze rates no files")
    assert said.returncode == 0, said.stdout[-500:]


# -- the image -------------------------------------------------------------------------------------


def test_the_image_is_built_from_a_named_version() -> None:
    arguments = dict(
        line.split("=", 1) for name, line in instructions() if name == "ARG" and "=" in line
    )
    sources = [line.split()[0] for name, line in instructions() if name == "FROM"]
    assert len(sources) == 2
    assert {source.rpartition(":")[2] for source in sources} == {"${PYTHON}"}
    assert re.fullmatch(r"3\.\d+\.\d+-slim-\w+", arguments["PYTHON"])


def test_what_builds_the_wheel_is_what_the_lock_file_names() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text()
    arguments = dict(
        line.split("=", 1) for name, line in instructions() if name == "ARG" and "=" in line
    )
    for name in ("hatchling", "editables"):
        assert f"{name}=={arguments[name.upper()]} " in lock


def test_the_image_runs_without_root_and_without_a_shell_around_it() -> None:
    stage = list(instructions())[-20:]
    last = dict(stage)
    assert last["USER"] == "10001:10001"
    assert last["ENTRYPOINT"] == '["kairos"]'
    assert last["CMD"] == '["serve"]'
    assert "/healthz" in last["HEALTHCHECK"]
    assert last["VOLUME"] == "/var/lib/kairos"
    assert [name for name, _ in stage if name in {"ADD", "MAINTAINER", "ONBUILD"}] == []


def test_nothing_is_installed_but_what_is_locked() -> None:
    runs = [line for name, line in instructions() if name == "RUN"]
    assert not [line for line in runs if re.search(r"apt|curl|wget|sudo|latest", line)]
    installs = [one for line in runs for one in line.split("&&") if "pip install" in one]
    assert all(
        "--require-hashes" in one or "--no-index" in one or "hatchling==" in one for one in installs
    )


def test_no_secret_is_in_the_image() -> None:
    text = "\n".join(line for name, line in instructions() if name in {"ENV", "ARG"})
    assert not re.search(r"SECRET|PASSWORD|TOKEN|__URL", text)
    ignored = (ROOT / ".dockerignore").read_text()
    assert ignored.splitlines()[1] == "*", "only what is named comes into the image"


def variables(text: str) -> set[str]:
    return set(re.findall(r"\b(KAIROS_[A-Z_]+?)[:=]", text))


@pytest.mark.parametrize(
    "name", ["deploy/Containerfile", "docker-compose.yml", "deploy/kairos.service"]
)
def test_every_variable_is_a_setting(name: str) -> None:
    for one in variables((ROOT / name).read_text()) - {"KAIROS_CONFIG"}:
        path = one.removeprefix("KAIROS_").lower().split("__")
        assert kind_at(Settings, path) is not None, one


# -- compose ---------------------------------------------------------------------------------------


def test_kairos_is_locked_down_in_compose_too() -> None:
    kairos = COMPOSE["services"]["kairos"]
    assert kairos["read_only"] is True
    assert kairos["cap_drop"] == ["ALL"]
    assert kairos["security_opt"] == ["no-new-privileges:true"]
    assert kairos["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for one in COMPOSE["services"].values() for port in one.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert COMPOSE["services"]["postgres"]["networks"] == ["inside"]


def test_images_are_named_by_version() -> None:
    images = [one["image"] for one in COMPOSE["services"].values() if "build" not in one]
    assert images
    assert all(re.search(r":\d+\.\d+", image) for image in images)


def test_everything_that_is_used_is_declared() -> None:
    for name, one in COMPOSE["services"].items():
        assert set(one.get("secrets", ())) <= set(COMPOSE["secrets"]), name
        assert set(one.get("networks", ())) <= set(COMPOSE["networks"]), name
        volumes = {volume.split(":")[0] for volume in one.get("volumes", ())}
        assert {one for one in volumes if "/" not in one} <= set(COMPOSE["volumes"]), name
        assert set(one.get("depends_on", ())) <= set(COMPOSE["services"]), name


def test_no_password_stands_in_compose() -> None:
    for one in COMPOSE["services"].values():
        for key, value in one.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|URL", key):
                assert str(value).startswith("/run/secrets/"), key


# -- alerts ----------------------------------------------------------------------------------------


@cache
def metric_names() -> frozenset[str]:
    """Every name that /metrics has, its suffixes included."""
    health = Health(carriers=(), database_trouble="", open_attempts=0, refused=())
    clock = ManualClock()
    metrics = Metrics(store=MemoryStore(clock), clock=clock, health=lambda: health)
    registry: CollectorRegistry = metrics._registry
    names = {name for many in registry._collector_to_names.values() for name in many}
    return frozenset({*names, "process_open_fds", "process_max_fds"})


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_an_alert_looks_at_figures_there_are(rule: dict[str, Any]) -> None:
    bare = re.sub(r"\{[^}]*\}|\[\d+\w\]|\"[^\"]*\"", "", rule["expr"])
    words = set(re.findall(r"[a-z_]{2,}", bare)) - _NO_METRICS
    assert words <= metric_names()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_an_alert_has_its_section_of_the_runbook(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    assert rule["annotations"]["runbook_url"].endswith(f"runbook.md#{name.lower()}")
    section = RUNBOOK.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert all(f"**{word}**" in section for word in ("Means", "Look", "Do"))
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"]


def test_the_runbook_has_no_section_without_an_alert() -> None:
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) == [rule["alert"] for rule in ALERTS]


def test_alerts_know_the_results_there_are() -> None:
    known = {one.value for one in Disposition}
    for rule in ALERTS:
        for labels in re.findall(r'disposition=~?"([^"]+)"', rule["expr"]):
            assert set(labels.split("|")) <= known


# -- what the pages say ----------------------------------------------------------------------------


def test_the_events_in_the_documentation_are_those_of_the_code() -> None:
    code = "".join(
        file.read_text() for top in ("adapters", "gateway") for file in (ROOT / top).rglob("*.py")
    )
    text = (ROOT / "docs/operations.md").read_text() + RUNBOOK
    prefixes = "api|calls|callback|carrier|cel|config|database|dispatch|gateway|http|leg|webhooks?"
    events = set(re.findall(rf"`((?:{prefixes})\.[a-z_]+)`", text))
    keys = {one for one in events if kind_at(Settings, one.split(".")) is not None}
    assert sorted(one for one in events - keys if f'"{one}"' not in code) == []
