"""Settings: what is read, what wins, and the sentence that each mistake gets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.practice_numbers import PRACTICE_PREFIXES
from config.problems import ConfigError
from config.settings import Settings, load_settings
from tests.support.settings import models

SECRET = "correct-horse-battery"
ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"


def good() -> dict[str, Any]:
    """A small configuration without mistakes."""
    return {
        "default_country": "FI",
        "carriers": {
            "office": {
                "type": "asterisk",
                "secret": SECRET,
                "channel": "PJSIP/{number}@trunk",
                "routes": {
                    "support": {"context": "kairos-support"},
                    "hold": {"context": "kairos-hold"},
                    "join": {"context": "kairos-join"},
                },
            }
        },
        "queues": {"support": {"carriers": ["office"], "route": "support"}},
    }


def changed(path: str, value: object) -> dict[str, Any]:
    """The good configuration with one key set (or, for ``...``, taken away)."""
    config = good()
    *parents, last = path.split(".")
    group = config
    for parent in parents:
        group = group.setdefault(parent, {})
    if value is ...:
        del group[last]
    else:
        group[last] = value
    return config


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("KAIROS_"):
            monkeypatch.delenv(name)


def load(folder: Path, config: dict[str, Any] | str) -> Settings:
    file = folder / "kairos.yaml"
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    return load_settings(file)


def problems(folder: Path, config: dict[str, Any] | str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, config)
    return [line.replace(f"{folder}/", "") for line in caught.value.problems]


def test_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, good())
    assert settings.database_url.get_secret_value() == (
        f"sqlite:///{tmp_path}/kairos-data/kairos.db"
    )
    assert settings.intake_queue == "support"
    assert settings.allowed_countries == {"FI"}
    assert settings.carriers["office"].secret.get_secret_value() == SECRET
    assert settings.profile == "normal"


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAIROS_CARRIERS__OFFICE__PORT", "5039")
    monkeypatch.setenv("KAIROS_CARRIERS__OFFICE__LIMITS__BURST", "4")
    monkeypatch.setenv("KAIROS_DISPATCH__RESOLVE_AFTER", "3m")
    monkeypatch.setenv("KAIROS_LOGGING__LEVEL", "debug")
    monkeypatch.setenv("KAIROS_LAB_ANYTHING", "is not ours")
    monkeypatch.setenv("KAIROS_KEY", "is what the examples of the API call a key")
    settings = load(tmp_path, changed("carriers.office.port", 5000))
    assert settings.carriers["office"].port == 5039
    assert settings.carriers["office"].limits.burst == 4
    assert settings.dispatch.resolve_after == 180
    assert settings.logging.level == "debug"


def test_the_file_is_found_by_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no configuration: say --config FILE"):
        load_settings()
    load(tmp_path, good())
    monkeypatch.setenv("KAIROS_CONFIG", str(tmp_path / "kairos.yaml"))
    assert load_settings().default_country == "FI"


def test_overrides_are_merged_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "kairos.yaml"
    file.write_text(yaml.safe_dump(good()))
    settings = load_settings(file, overrides={"carriers": {"office": {"port": 1234}}})
    assert settings.carriers["office"].port == 1234
    assert settings.carriers["office"].username == "kairos"


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "office").write_text(f"{SECRET}\n")
    config = changed("carriers.office.secret", ...)
    config["carriers"]["office"]["secret_file"] = "secrets/office"
    config["data_dir"] = "somewhere"
    settings = load(tmp_path, config)
    assert settings.carriers["office"].secret.get_secret_value() == SECRET
    assert settings.data_dir == tmp_path / "somewhere"


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    config = changed("database.url", f"postgresql://kairos:{SECRET}@127.0.0.1/kairos")
    settings = load(tmp_path, config)
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in shown


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("carriers.office.hots", "x", "carriers.office.hots: unknown key; did you mean 'host'?"),
        ("logings", {}, "logings: unknown key; did you mean 'logging'?"),
        ("carriers.office.channel", ..., "carriers.office.channel: missing; add this key"),
        ("carriers", ..., "carriers: missing; add this key (the ways out, by name)"),
        ("carriers.office", 3, "carriers.office: must be a group of keys"),
        ("carriers.office.port", "many", "carriers.office.port: must be a valid integer"),
        (
            "carriers.office.port",
            70000,
            "carriers.office.port: must be less than or equal to 65535",
        ),
        ("carriers.office.type", "avaya", "carriers.office.type: must be 'asterisk' or 'lab'"),
        ("carriers.office.channel", "PJSIP/trunk", "must hold {number} or {digits} once"),
        ("carriers.office.channel", "PJSIP/{number} x", "must be a technology and an address"),
        ("carriers.office.caller_id", "x\r\ny", "must be a number or a name and a number"),
        ("carriers.office.username", "a\nb", "must not hold line breaks"),
        ("carriers.office.secret", "", "carriers.office.secret: must be a password"),
        ("carriers.office.secret_file", "nowhere", None),
        ("carriers.office.ring_timeout", "soon", "must be a duration: seconds, or a number with s"),
        ("carriers.office.only_prefixes", ["040"], "must be the beginning of a number"),
        ("carriers.office.limits.calls_per_second", 0, "must be greater than 0"),
        ("carriers.office.routes.hold.exten", "failed", "'failed' is special in every dialplan"),
        ("carriers.Office", {}, "a name is up to 40 small letters"),
        ("queues", {}, "queues: is empty; add at least one"),
        ("queues.support.carriers", ["offic"], "no carrier 'offic'; did you mean 'office'?"),
        ("queues.support.carriers", ["office", "office"], "a carrier is there twice; keep one"),
        ("queues.support.route", "suport", "has no route 'suport', which this queue uses"),
        (
            "queues.support.route",
            ...,
            "queues.support.route: missing; mode customer_first needs it",
        ),
        (
            "queues.support.mode",
            "agent_first",
            "queues.support.hold_route: missing; mode agent_first",
        ),
        ("queues.support.agents", ["PJSIP/anna"], "agents: only mode agent_first calls agents"),
        ("queues.support.agents", ["anna bert"], "must be a technology and an address"),
        ("queues.support.hours", {"mon-fry": "9-17"}, "'mon-fry' is no day"),
        ("queues.support.hours", {"mon": "9-17"}, "mon: '9-17' must look like '09:00-18:00'"),
        ("queues.support.hours", {"mon": "22:00-02:00"}, "ends before it starts; a night is two"),
        ("queues.support.hours", {"mon": "22:00-25:00"}, "is no time of day"),
        ("queues.support.hours", {"mon": "9:00-12:00, 11:00-13:00"}, "overlap; join them"),
        ("queues.support.hours", {"daily": "closed", "mon": "closed"}, "mon is there twice"),
        ("queues.sales", {"carriers": ["office"], "route": "hold"}, "default_queue: missing"),
        ("default_queue", "sale", "default_queue: no queue 'sale'"),
        ("default_country", "fi", "must be a country's two capital letters"),
        ("default_country", ..., "default_country: missing"),
        ("dispatch.resolve_after", 35, "must be longer than ring_timeout + ack_timeout of carrier"),
        ("dispatch.node", "A B", "a name is up to 40 small letters"),
        ("database.url", "mysql://x", "must begin with sqlite:/// or postgresql://"),
        ("profile", "test", "profile: must be 'normal' or 'practice'"),
        ("profile", "practice", "carriers.office.type: the practice profile may use lab carriers"),
        ("carriers.office.type", "lab", "a lab carrier reaches nobody; set profile to practice"),
    ],
)
def test_each_mistake_has_its_sentence(
    tmp_path: Path, path: str, value: object, sentence: str | None
) -> None:
    config = changed(path, value)
    if sentence is None:
        del config["carriers"]["office"]["secret"]
        sentence = "carriers.office: secret_file cannot be read (No such file or directory)"
    told = problems(tmp_path, config)
    assert [line for line in told if sentence in line], told
    assert all(re.match(r"kairos\.yaml(, line \d+)?: ", line) for line in told)
    assert SECRET not in "".join(told)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    config = changed("carriers.office.port", "x")
    config["queues"]["support"]["rout"] = "x"
    config["datadir"] = "x"
    assert len(problems(tmp_path, config)) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "kairos.yaml, line 1: "),
        ("- a\n- b\n", "kairos.yaml: must hold keys with values"),
        ("", "kairos.yaml: must hold keys with values"),
        ("a: 1\nb: 2\na: 3\n", "kairos.yaml, line 3: the key 'a' is there twice; keep one"),
        ("1: 2\n", "a key must be a word, not 1; put it in quotes"),
        (
            "a: !!python/object:os.system x",
            "kairos.yaml, line 1: could not determine a constructor",
        ),
        ("_env_file: /etc/passwd\n", "kairos.yaml, line 1: _env_file: unknown key"),
        ("\x00", "kairos.yaml: is not YAML text"),
    ],
)
def test_a_broken_file_is_one_clear_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    told = problems(tmp_path, text)
    assert [line for line in told if sentence in line], told


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_settings(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path)
    (tmp_path / "latin").write_bytes(b"name: \xe4\n")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_settings(tmp_path / "latin")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("KAIROS_LOGING__LEVEL", "debug", "KAIROS_LOGING__LEVEL: no such setting; did you mean"),
        ("KAIROS_CARRIERS__OFFICE__PORT", "x", "KAIROS_CARRIERS__OFFICE__PORT: must be a valid"),
        ("KAIROS_QUEUES", "{", "environment: error parsing value"),
        ("KAIROS_DISPATCH__NOD", "x", "KAIROS_DISPATCH__NOD: unknown key; did you mean 'node'?"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    told = problems(tmp_path, good())
    assert [line for line in told if line.startswith(sentence)], told


def lab(**changes: object) -> dict[str, Any]:
    config = changed("profile", "practice")
    config["carriers"]["office"] |= {"type": "lab", **changes}
    return config


def test_the_practice_profile_takes_a_lab(tmp_path: Path) -> None:
    carrier = load(tmp_path, lab()).carriers["office"]
    assert carrier.only_prefixes == PRACTICE_PREFIXES


@pytest.mark.parametrize("host", ["10.0.0.1", "example.com", "0.0.0.0", "::", "localhost.local"])  # noqa: S104
def test_a_lab_is_on_this_machine(tmp_path: Path, host: str) -> None:
    assert "must be on this machine" in problems(tmp_path, lab(host=host))[0]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_is_this_machine(tmp_path: Path, host: str) -> None:
    assert load(tmp_path, lab(host=host)).carriers["office"].host == host


def test_a_lab_calls_practice_numbers_only(tmp_path: Path) -> None:
    narrowed = load(tmp_path, lab(only_prefixes=["+4420794601"]))
    assert narrowed.carriers["office"].only_prefixes == ("+4420794601",)
    told = problems(tmp_path, lab(only_prefixes=["+44"]))
    assert "a lab carrier may call practice numbers only, not +44" in told[0]


def test_the_practice_rule_cannot_be_gone_round(tmp_path: Path) -> None:
    """Neither by a second carrier nor by building the settings without a file."""
    config = lab()
    config["carriers"]["other"] = good()["carriers"]["office"]
    assert "carriers.other.type" in problems(tmp_path, config)[0]
    with pytest.raises(ValueError, match="lab carriers only"):
        Settings(**config)


def test_a_lab_beside_real_carriers_must_be_meant(tmp_path: Path) -> None:
    config = lab() | {"profile": "normal"}
    assert "a lab carrier reaches nobody" in problems(tmp_path, config)[0]
    meant = load(tmp_path, config | {"allow_lab_carriers": True})
    assert meant.carriers["office"].type == "lab"


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = load(tmp_path, good())
    with pytest.raises(ValueError, match="frozen"):
        settings.profile = "practice"  # type: ignore[misc]


def test_the_example_is_valid_and_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAIROS_CARRIERS__OFFICE__SECRET", SECRET)
    settings = load_settings(CONFIG / "example.yaml")
    text = (CONFIG / "example.yaml").read_text()
    keys = {key for group in models(Settings) for key in group.model_fields}
    keys -= {"secret", "allow_lab_carriers", "url", "priority"}
    assert [key for key in sorted(keys) if f"{key}:" not in text] == []
    assert settings.queues["sales"].routes == ("hold", "bridge")


def test_the_practice_settings_are_valid() -> None:
    settings = load_settings(CONFIG / "practice.yaml")
    assert {carrier.type for carrier in settings.carriers.values()} == {"lab"}


def test_every_key_is_in_the_documentation() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    keys = {key for group in models(Settings) for key in group.model_fields}
    words = set(re.findall(r"\w+", text))
    assert sorted(keys - words) == []
