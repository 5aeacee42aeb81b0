"""The published schema accepts what Kairos accepts and tells editors what each key means."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from config.countries import Countries
from config.problems import ConfigError
from config.retry_rules import RetryRules
from config.schema import settings_schema
from config.settings import Settings, load_settings
from config.yamlfile import read_yaml
from tests.support.settings import models

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"


@pytest.fixture(scope="module")
def validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(settings_schema())


def test_every_key_says_what_it_means() -> None:
    silent = [
        f"{model.__name__}.{name}"
        for top in (Settings, Countries, RetryRules)
        for model in models(top)
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert silent == []


def test_the_walk_reaches_every_group() -> None:
    names = {model.__name__ for model in models(Settings)}
    assert {"Carrier", "Tls", "Route", "Queue", "ApiTls", "RateLimit", "Database"} <= names


@pytest.mark.parametrize("name", ["example.yaml", "practice.yaml"])
def test_what_is_shipped_fits_the_schema(
    validator: jsonschema_rs.Draft202012Validator, name: str
) -> None:
    assert [str(one) for one in validator.iter_errors(read_yaml(CONFIG / name))] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data_dirr", "x"),
        ("profile", "test"),
        ("default_country", "fi"),
        ("queues", {"Sales": {"carriers": ["lab"]}}),
        ("queues", {"sales": {"carriers": []}}),
        ("queues", {"sales": {"carriers": ["lab"], "deadline": "soon"}}),
        ("queues", {"sales": {"carriers": ["lab"], "hours": {"mon-fry": "9-17"}}}),
        ("dispatch", {"nod": "x"}),
        ("api", {"tls": {"certfile": "x"}}),
        ("api", {"port": 70000}),
    ],
)
def test_an_editor_shows_the_mistakes_the_start_would(
    validator: jsonschema_rs.Draft202012Validator, tmp_path: Path, key: str, value: object
) -> None:
    config = {**read_yaml(CONFIG / "practice.yaml"), key: value}
    assert not validator.is_valid(config)
    (tmp_path / "kairos.yaml").write_text(json.dumps(config))
    with pytest.raises(ConfigError):
        load_settings(tmp_path / "kairos.yaml")


@pytest.mark.parametrize("value", [90, 1.5, "90", "90s", "1h 30m", "2d", "1.5h", "250ms"])
def test_a_duration_is_a_number_or_words(
    validator: jsonschema_rs.Draft202012Validator, tmp_path: Path, value: object
) -> None:
    config = read_yaml(CONFIG / "practice.yaml")
    config["dispatch"]["settle_seconds"] = value
    assert validator.is_valid(config)


def test_a_secret_may_stand_elsewhere(validator: jsonschema_rs.Draft202012Validator) -> None:
    config = read_yaml(CONFIG / "practice.yaml")
    del config["carriers"]["lab"]["secret"]
    assert validator.is_valid(config)


def test_the_example_names_the_published_schema() -> None:
    first = (CONFIG / "example.yaml").read_text().splitlines()[0]
    place = first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads((CONFIG / place).read_text()) == settings_schema()
