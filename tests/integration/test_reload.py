"""A running service reads its configuration again, applies what is safe and names the rest.

A mistake changes nothing, and what last worked is there to start with.
"""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import load_settings
from gateway.bootstrap.reload import Reloader
from tests.integration.service_command import Place, Running

FREE = {"port": 0, "rate_limit": {"requests_per_second": 50, "burst": 100}}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, api=FREE)


@pytest.fixture
def service(place: Place) -> Iterator[Running]:
    with place.start("serve", "--config", "kairos.yaml") as running:
        running.until_says("gateway.ready")
        yield running
        assert running.end() == 0


def events(running: Running, name: str) -> list[dict[str, Any]]:
    lines = [line for line in running.said.splitlines() if line.startswith("{")]
    return [one for one in map(json.loads, lines) if one["event"] == name]


def change(place: Place, **groups: Any) -> None:
    """Change some groups of the configuration, leave the rest."""
    file = place.folder / "kairos.yaml"
    config = yaml.safe_load(file.read_text())
    for name, value in groups.items():
        config[name] = {**config.get(name, {}), **value} if isinstance(value, dict) else value
    file.write_text(yaml.safe_dump(config))


def test_what_is_safe_is_applied_and_the_rest_is_named(place: Place, service: Running) -> None:
    change(
        place,
        numbers={"countries": ["GB", "FR", "AU"]},
        logging={"level": "debug"},
        api={**FREE, "max_connections": 7},
    )
    said = place.run("reload", "--json")
    assert said.code == 0, said.err
    assert sorted(said.json["applied"]) == ["logging.level", "numbers.countries"]
    assert said.json["needs_restart"] == ["api.max_connections"]
    assert said.json["problems"] == []
    told = place.run("reload").out
    assert "Needs a restart, and is as before until then:\n  api.max_connections" in told


def test_numbers_of_a_country_that_was_added_are_taken_at_once(
    place: Place, service: Running
) -> None:
    australian = place.write("number\n+61255501234\n")
    assert place.run("import", str(australian)).code == 6
    change(place, numbers={"countries": ["GB", "FR", "AU"]})
    assert place.run("reload").code == 0
    assert place.run("import", str(australian), "--again").code == 0


def test_a_queue_that_was_added_takes_callbacks_at_once(place: Place, service: Running) -> None:
    queue = {"carriers": ["lab"], "route": "talk", "retry_rules": "practice"}
    change(place, queues={"sales": queue}, default_queue="support")
    calls = place.write("number,queue\n+442079460123,sales\n")
    assert place.run("import", str(calls)).code == 6
    said = place.run("reload", "--json")
    assert said.json["needs_restart"] == [], said.out + said.err
    assert {"default_queue", "queues.sales.route"} <= set(said.json["applied"])
    assert place.run("import", str(calls), "--again").code == 0


def test_a_rule_file_is_read_again(tmp_path: Path) -> None:
    place = Place(tmp_path, api=FREE, countries_file="rules.yaml")
    rule = {
        "hours": "always",
        "holidays": "as_usual",
        "caps": {"per_day": 9, "per_week": 9, "min_gap": "1s"},
        "source": "invented for a test",
    }
    rules: dict[str, Any] = {"countries": {"GB": rule, "FR": dict(rule)}}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    with place.start("serve") as running:
        running.until_says("gateway.ready")
        rules["countries"]["GB"]["caps"]["per_day"] = 3
        (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
        assert place.run("reload", "--json").json["applied"] == ["countries_file"]
        assert place.run("reload", "--json").json["applied"] == []
        (tmp_path / "rules.yaml").write_text("countries: 3\n")
        refused = place.run("reload")
        assert refused.code == 2
        assert "rules.yaml, line 1: countries: must be a group" in refused.err
        assert running.end() == 0
    kept = tmp_path / "data/last-good/countries.yaml"
    assert yaml.safe_load(kept.read_text())["countries"]["GB"]["caps"]["per_day"] == 3


def test_a_broken_file_changes_nothing_and_the_service_goes_on(
    place: Place, service: Running
) -> None:
    (place.folder / "kairos.yaml").write_text("data_dir: data\nqueues: [\n")
    service.process.send_signal(signal.SIGHUP)
    service.until_says("config.reload_refused")
    (refused,) = events(service, "config.reload_refused")
    assert refused["level"] == "error"
    assert "kairos.yaml, line 3" in refused["problems"][0]
    place.configure(api=FREE)
    assert place.run("reload", "--json").json == {
        "applied": [],
        "needs_restart": [],
        "problems": [],
        "warnings": [],
    }


def test_a_hangup_reads_the_configuration_again(place: Place, service: Running) -> None:
    change(place, numbers={"denied_prefixes": ["+4420"]})
    service.process.send_signal(signal.SIGHUP)
    service.until_says("config.reloaded")
    (reloaded,) = events(service, "config.reloaded")
    assert reloaded["applied"] == ["numbers.denied_prefixes"]
    assert service.process.poll() is None


def test_what_last_worked_is_named_when_the_file_is_broken(place: Place) -> None:
    with place.start("serve") as running:
        running.until_says("gateway.ready")
        running.end()
    (place.folder / "kairos.yaml").write_text("data_dir: data\nqueues: [\n")
    said = place.run("serve")
    assert said.code == 2
    copy = place.data.resolve() / "last-good/kairos.yaml"
    assert f"What last worked is kept; go on with it by: --config {copy}" in said.err
    with place.start("serve", "--config", str(copy)) as running:
        running.until_says("gateway.ready")
        assert running.end() == 0


def test_without_a_service_there_is_nobody_to_ask(place: Place) -> None:
    said = place.run("reload")
    assert said.code == 2
    assert "No Kairos runs on" in said.err


def test_the_service_manager_hears_the_whole_life(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with place.start("serve") as running:
            assert manager.recv(4096).startswith(b"READY=1")
            running.process.send_signal(signal.SIGHUP)
            assert manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert manager.recv(4096) == b"READY=1"
            assert running.end() == 0
            assert manager.recv(4096).startswith(b"STOPPING=1")


def test_config_check_and_show(place: Place) -> None:
    said = place.run("config", "check")
    assert said.code == 0
    assert "can be used: 1 carrier, 1 queue" in said.out
    shown = place.run("config", "show", "--json").json
    assert shown["settings"]["carriers"]["lab"]["secret"] == "***"
    assert shown["origins"]["data_dir"] == "kairos.yaml, line " + str(
        (place.folder / "kairos.yaml").read_text().split("data_dir")[0].count("\n") + 1
    )
    place.configure(api={"prot": 1}, queus={})
    broken = place.run("config", "check", "kairos.yaml", "--json")
    assert broken.code == 2
    assert broken.json["ok"] is False
    assert len(broken.json["problems"]) == 2
    assert place.run("config", "schema").json["title"] == "Settings of Kairos"


@pytest.mark.parametrize(
    "text",
    ["&a\nqueues: *a\n", f"api: {{port: 1{'0' * 5000}}}\n", 'GOOD\ncountries_file: "x\\0y"\n'],
    ids=["holds itself", "a huge number", "no path"],
)
async def test_a_file_that_no_reader_was_made_for_is_a_problem_and_no_crash(
    tmp_path: Path, text: str
) -> None:
    file = Place(tmp_path).folder / "kairos.yaml"
    reloader = Reloader(load_settings(file), lambda _new, _rules: None)
    file.write_text(text.replace("GOOD", file.read_text()))
    result = await reloader.reload()
    assert len(result.problems) == 1
    assert "cannot be read" in result.problems[0]
