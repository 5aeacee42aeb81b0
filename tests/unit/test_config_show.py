"""What is in force, where it comes from, who may read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from config.problems import ConfigError
from config.settings import Settings, load_settings
from config.show import effective, entries
from tests.support.settings import models

SECRET = "correct-horse-battery"
GOOD = """\
default_country: FI
data_dir: data
carriers:
  office:
    type: asterisk
    channel: PJSIP/{number}@trunk
    routes: {support: {context: kairos-support}}
queues:
  support:
    carriers: [office]
    route: support
    hours: {mon: "09:00-12:00, 13:00-18:00", tue: closed}
"""


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("KAIROS_", "CREDENTIALS_")):
            monkeypatch.delenv(name)


def load(folder: Path, text: str = "", mode: int = 0o600) -> Settings:
    file = folder / "kairos.yaml"
    file.write_text(GOOD + text)
    file.chmod(mode)
    return load_settings(file)


def credentials(folder: Path, monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    place = folder / "credentials"
    place.mkdir()
    for name, value in values.items():
        (place / name.replace("__", ".")).write_text(value)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place))


def with_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAIROS_CARRIERS__OFFICE__SECRET", SECRET)


def test_each_value_tells_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_secret(monkeypatch)
    monkeypatch.setenv("KAIROS_API__PORT", "9000")
    found = {one.path: (one.value, one.origin) for one in entries(load(tmp_path))}
    assert found["default_country"] == ("FI", "kairos.yaml, line 1")
    assert found["queues.support.route"] == ("support", "kairos.yaml, line 11")
    assert found["api.port"] == (9000, "variable KAIROS_API__PORT")
    assert found["api.host"] == ("127.0.0.1", "default")
    assert found["carriers.office.secret"] == ("***", "variable KAIROS_CARRIERS__OFFICE__SECRET")


def test_hours_are_shown_as_people_write_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_secret(monkeypatch)
    hours = effective(load(tmp_path))["queues"]["support"]["hours"]
    assert hours == {"mon": ["09:00-12:00", "13:00-18:00"], "tue": []}


def test_what_is_shown_can_be_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(monkeypatch)
    settings = load(tmp_path)
    (tmp_path / "shown.yaml").write_text(yaml.safe_dump(effective(settings)))
    assert load_settings(tmp_path / "shown.yaml").model_dump() == settings.model_dump()


def test_no_secret_is_ever_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials(
        tmp_path,
        monkeypatch,
        carriers__office__secret=SECRET,
        database__url=f"postgresql://kairos:{SECRET}@127.0.0.1/kairos",
        webhooks__proxy=f"http://user:{SECRET}@proxy:3128",
    )
    settings = load(tmp_path)
    shown = [*map(repr, entries(settings)), repr(effective(settings)), repr(settings)]
    assert SECRET not in "".join([*shown, repr(settings.source)])
    assert settings.database_url.get_secret_value().count(SECRET) == 1


def test_a_credential_wins_over_the_file_and_a_variable_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials(tmp_path, monkeypatch, carriers__office__secret="from-credential\n")
    text = GOOD.replace("    type: asterisk", "    type: asterisk\n    secret: from-file")
    (tmp_path / "both.yaml").write_text(text)
    settings = load_settings(tmp_path / "both.yaml")
    assert settings.carriers["office"].secret.get_secret_value() == "from-credential"
    assert settings.source is not None
    assert settings.source.origin("carriers.office.secret") == "credential carriers.office.secret"
    with_secret(monkeypatch)
    settings = load_settings(tmp_path / "both.yaml")
    assert settings.carriers["office"].secret.get_secret_value() == SECRET


def test_a_credential_for_another_use_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_secret(monkeypatch)
    credentials(tmp_path, monkeypatch, api__key="PEM", something="else", api__port="1")
    assert load(tmp_path).api.port == 8080


def test_an_empty_credential_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials(tmp_path, monkeypatch, carriers__office__secret="\n")
    with pytest.raises(ConfigError, match=r"credential carriers\.office\.secret: is empty"):
        load(tmp_path)


def test_a_wrong_credential_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(monkeypatch)
    credentials(tmp_path, monkeypatch, database__url="mysql://x")
    with pytest.raises(ConfigError, match=r"credential database\.url: must begin with sqlite"):
        load(tmp_path)


def test_the_address_of_the_database_may_stand_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_secret(monkeypatch)
    (tmp_path / "url").write_text("postgresql://a:b@127.0.0.1/c\n")
    settings = load(tmp_path, "database: {url_file: url}\n")
    assert settings.database_url.get_secret_value() == "postgresql://a:b@127.0.0.1/c"
    assert [one.origin for one in entries(settings) if one.path == "database.url"] == [
        "database.url_file"
    ]


def warnings(settings: Settings) -> str:
    assert settings.source is not None
    return "\n".join(settings.source.warnings)


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_secret_everybody_may_read_is_told_of(tmp_path: Path, mode: int, told: bool) -> None:
    text = GOOD.replace("    type: asterisk", "    type: asterisk\n    secret_file: office.secret")
    (tmp_path / "office.secret").write_text(SECRET)
    (tmp_path / "office.secret").chmod(mode)
    (tmp_path / "kairos.yaml").write_text(text)
    said = warnings(load_settings(tmp_path / "kairos.yaml"))
    assert ("chmod o-rwx" in said) is told
    assert ("carriers.office.secret_file: everybody" in said) is told


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_configuration_with_a_secret_that_everybody_may_read(
    tmp_path: Path, mode: int, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_secret(monkeypatch)
    said = warnings(load(tmp_path, "database: {url: 'postgresql://a:b@h/c'}\n", mode))
    assert ("holds a secret (database.url)" in said) is told


def test_without_a_secret_everybody_may_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_secret(monkeypatch)
    assert warnings(load(tmp_path, mode=0o644)) == ""


@pytest.mark.parametrize(
    ("api", "told"),
    [
        ("{host: 0.0.0.0}", True),
        ("{host: '::'}", True),
        ("{host: 10.0.0.1}", True),
        ("{host: 0.0.0.0, trusted_proxies: [10.0.0.7]}", False),
        ("{host: 0.0.0.0, tls: {certfile: a, keyfile: b}}", False),
        ("{host: 0.0.0.0, enabled: false}", False),
        ("{host: localhost}", False),
        ("{host: '::1'}", False),
        ("{}", False),
    ],
)
def test_an_api_open_to_others_without_encryption_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str, told: bool
) -> None:
    with_secret(monkeypatch)
    assert ("nothing is encrypted" in warnings(load(tmp_path, f"api: {api}\n"))) is told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("api: {trusted_proxies: [10.0.0.1/8]}", "must be an address or a network, like"),
        ("api: {public_url: example.com}", "must be an address like https://calls.example.com"),
        ("api: {public_url: 'https://a:b@example.com'}", "must not hold a user or a password"),
        ("api: {public_url: 'https://example.com:99999'}", "must be an address like https"),
        ("api: {host: 'a b'}", "must be an address or a host name"),
        ("api: {tls: {certfile: a}}", "api.tls.keyfile: missing; add this key"),
        ("api: {rate_limit: {requests_per_second: 0}}", "must be greater than 0"),
    ],
)
def test_mistakes_in_the_api_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    with_secret(monkeypatch)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text + "\n")
    assert caught.value.problems[0].startswith("kairos.yaml, line 13: api.")
    assert sentence in caught.value.problems[0]


PLACES = {
    "Database": "database",
    "Dispatch": "dispatch",
    "Numbers": "numbers",
    "Logging": "logging",
    "Api": "api",
    "ApiTls": "api.tls",
    "RateLimit": "api.rate_limit",
    "Webhooks": "webhooks",
    "Carrier": "carriers.office",
    "CarrierLimits": "carriers.office.limits",
    "Tls": "carriers.office.tls",
    "Route": "carriers.office.routes.support",
    "Queue": "queues.support",
    "Settings": "",
}
"""A place for each group of settings."""


@pytest.mark.parametrize("model", list(models(Settings)), ids=lambda one: one.__name__)
def test_a_mistyped_key_gets_a_hint_at_every_depth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: type[BaseModel]
) -> None:
    with_secret(monkeypatch)
    place = PLACES[model.__name__]
    for key in model.model_fields:
        config = yaml.safe_load(GOOD)
        group = config
        for part in filter(None, place.split(".")):
            group = group.setdefault(part, {})
        group[f"{key}x"] = 1
        (tmp_path / "kairos.yaml").write_text(yaml.safe_dump(config))
        with pytest.raises(ConfigError) as caught:
            load_settings(tmp_path / "kairos.yaml")
        where = f"{place}.{key}x" if place else f"{key}x"
        line = (tmp_path / "kairos.yaml").read_text().split(f"{key}x:")[0].count("\n") + 1
        wanted = f"kairos.yaml, line {line}: {where}: unknown key; did you mean {key!r}?"
        assert wanted in caught.value.problems


def test_several_mistakes_each_name_their_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_secret(monkeypatch)
    text = "\n# far below\n\napi:\n  port: many\n  hots: x\nlogging: {level: loud}\ndata_dirr: x\n"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    lines = {line.split(": ")[0]: line.split(": ")[1] for line in caught.value.problems}
    assert lines == {
        "kairos.yaml, line 17": "api.port",
        "kairos.yaml, line 18": "api.hots",
        "kairos.yaml, line 19": "logging.level",
        "kairos.yaml, line 20": "data_dirr",
    }


def test_what_is_missing_names_the_line_of_its_group(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert caught.value.problems[0].startswith("kairos.yaml, line 4: carriers.office.secret: miss")


def test_an_alias_does_not_blow_the_file_up(tmp_path: Path) -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))
    (tmp_path / "kairos.yaml").write_text(f"l0: &l0 [x]\n{levels}\n")
    with pytest.raises(ConfigError, match="l11: unknown key"):
        load_settings(tmp_path / "kairos.yaml")
