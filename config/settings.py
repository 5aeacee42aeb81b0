"""All settings of Kairos: one YAML file and the environment, checked as a whole at the start.

A variable wins over the file: ``KAIROS_`` and the path of the key, its parts joined by two
underscores (``KAIROS_CARRIERS__OFFICE__SECRET``). Durations are in seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from config.api import Api
from config.carriers import Carrier
from config.problems import ConfigError, Problems, describe, did_you_mean
from config.queues import Queue
from config.values import Country, Name, Seconds, Strict
from config.yamlfile import read_yaml

__all__ = ["Database", "Dispatch", "Logging", "Numbers", "Settings", "load_settings"]

PREFIX = "KAIROS_"
_PATH_VARIABLE = "KAIROS_CONFIG"
# Variables of the lab and of the tests, which are no settings.
_OTHERS = ("KAIROS_LAB_", "KAIROS_TEST_")
_PATH_KEYS = {
    *("data_dir", "secret_file", "cafile", "certfile", "keyfile", "cel_file"),
    *("countries_file", "retry_rules_file"),
}
_SCHEMES = ("sqlite:///", "sqlite+aiosqlite:///", "postgresql://", "postgresql+asyncpg://")


class Database(Strict):
    """Where everything is kept; without ``url``: SQLite in the data directory."""

    url: SecretStr | None = None

    @field_validator("url")
    @classmethod
    def _known(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(_SCHEMES):
            raise ValueError(
                "must begin with sqlite:/// or postgresql://, "
                "like postgresql://kairos:password@127.0.0.1/kairos"
            )
        return value


class Dispatch(Strict):
    """How calls are sent out. Times in seconds.

    ``resolve_after``: when a leg nobody heard of is looked into. ``settle_seconds``: how long a
    switch gets to show a call it was asked for. ``drain_seconds``: how long a stop waits for calls.
    ``node`` names this process among several on one database.
    """

    resolve_after: Seconds = Field(120.0, ge=5, le=3600)
    settle_seconds: Seconds = Field(5.0, le=300)
    drain_seconds: Seconds = Field(30.0, le=3600)
    node: Name = "main"


class Numbers(Strict):
    """Which numbers may be called at all, against toll fraud.

    ``countries``: empty means the default country only. ``denied_prefixes``: E.164 beginnings
    that are never called.
    """

    countries: tuple[Country, ...] = ()
    denied_prefixes: tuple[str, ...] = ()


class Logging(Strict):
    """How Kairos tells what it does."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class Settings(BaseSettings):
    """The whole configuration; see ``docs/configuration.md`` for every key.

    ``profile: practice`` can reach nobody: every carrier must be of type ``lab``.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    profile: Literal["normal", "practice"] = "normal"
    allow_lab_carriers: bool = False
    data_dir: Path = Path("kairos-data")
    database: Database = Database()
    carriers: dict[Name, Carrier] = Field(min_length=1, description="the ways out, by name")
    queues: dict[Name, Queue] = Field(min_length=1, description="the queues, by name")
    dispatch: Dispatch = Dispatch()
    numbers: Numbers = Numbers()
    default_country: Country | None = None
    default_queue: Name | None = None
    countries_file: Path | None = None
    retry_rules_file: Path | None = None
    logging: Logging = Logging()
    api: Api = Api()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what the file says; nothing else is read."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = [*self._profile_problems(), *self._queue_problems(), *self._other_problems()]
        if found:
            raise Problems(found)
        return self

    @property
    def database_url(self) -> SecretStr:
        """Where the database is: as set, or SQLite in the data directory."""
        return self.database.url or SecretStr(f"sqlite:///{self.data_dir / 'kairos.db'}")

    @property
    def intake_queue(self) -> str:
        """The queue of a request that names none."""
        return self.default_queue or next(iter(self.queues))

    @property
    def allowed_countries(self) -> frozenset[str]:
        """Countries whose numbers may be called; never empty."""
        home = (self.default_country,) if self.default_country else ()
        return frozenset(self.numbers.countries or home)

    def _profile_problems(self) -> Iterator[tuple[str, str]]:
        for name, carrier in self.carriers.items():
            where = f"carriers.{name}.type"
            if self.profile == "practice" and carrier.type != "lab":
                text = "the practice profile may use lab carriers only; set type to lab"
                yield where, text
            if self.profile == "normal" and carrier.type == "lab" and not self.allow_lab_carriers:
                text = "a lab carrier reaches nobody; set profile to practice"
                yield where, f"{text}, or allow_lab_carriers to true if you mean it"

    def _queue_problems(self) -> Iterator[tuple[str, str]]:
        for name, queue in self.queues.items():
            for position, carrier in enumerate(queue.carriers):
                where = f"queues.{name}.carriers[{position}]"
                if carrier not in self.carriers:
                    yield where, f"no carrier {carrier!r}; {did_you_mean(carrier, self.carriers)}"
                    continue
                routes = self.carriers[carrier].routes
                for route in queue.routes:
                    if route not in routes:
                        text = f"carrier {carrier!r} has no route {route!r}, which this queue uses"
                        yield where, f"{text}; {did_you_mean(route, routes)}"
        if self.default_queue and self.default_queue not in self.queues:
            hint = did_you_mean(self.default_queue, self.queues)
            yield "default_queue", f"no queue {self.default_queue!r}; {hint}"
        if not self.default_queue and len(self.queues) > 1:
            yield "default_queue", "missing; say which queue takes requests that name none"

    def _other_problems(self) -> Iterator[tuple[str, str]]:
        if not self.allowed_countries:
            yield "default_country", "missing; say it, or numbers.countries: others are not called"
        for name, carrier in self.carriers.items():
            needed = carrier.ring_timeout + carrier.ack_timeout
            if self.dispatch.resolve_after <= needed:
                text = f"must be longer than ring_timeout + ack_timeout of carrier {name!r}"
                yield "dispatch.resolve_after", f"{text} ({needed:g} s)"


def load_settings(
    path: Path | None = None, *, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Read the file at ``path`` (or KAIROS_CONFIG) and the environment.

    Relative paths in the file are relative to the file's folder. ``overrides`` are merged over the
    file. Raises ConfigError with one sentence for each problem.
    """
    if path is None:
        named = os.environ.get(_PATH_VARIABLE)
        if not named:
            remedy = "say --config FILE or set KAIROS_CONFIG; see config/example.yaml"
            raise ConfigError([f"no configuration: {remedy}"])
        path = Path(named)
    folder = path.resolve().parent
    raw = _anchored({"data_dir": "kairos-data", **read_yaml(path)}, folder)
    problems = [*_odd_keys(raw, path.name), *_odd_variables()]
    raw = {key: value for key, value in raw.items() if key in Settings.model_fields}
    try:
        settings = Settings(**_merged(raw, overrides or {}))
    except ValidationError as error:
        problems += describe(error, Settings, path.name, _variables())
    except SettingsError as error:
        problems.append(f"environment: {error}; nested keys are joined by two underscores")
    else:
        if not problems:
            return settings
    raise ConfigError(problems)


def _odd_keys(raw: Mapping[str, Any], source: str) -> Iterator[str]:
    for key in raw:
        if key not in Settings.model_fields:
            yield f"{source}: {key}: unknown key; {did_you_mean(key, Settings.model_fields)}"


def _variables() -> dict[str, str]:
    """Map key paths to the variables that set them."""
    return {
        name.removeprefix(PREFIX).lower().replace("__", "."): name
        for name in os.environ
        if name.startswith(PREFIX) and not name.startswith(_OTHERS)
    }


def _odd_variables() -> Iterator[str]:
    for path, name in _variables().items():
        key = path.split(".", 1)[0]
        if key not in Settings.model_fields and name != _PATH_VARIABLE:
            yield f"{name}: no such setting; {did_you_mean(key, Settings.model_fields)}"


def _anchored(value: Any, folder: Path) -> Any:  # noqa: ANN401 -- unchecked input
    """Make the relative paths in a configuration absolute, from the folder it lies in."""
    if isinstance(value, dict):
        return {
            key: str(folder / one)
            if key in _PATH_KEYS and isinstance(one, str) and one
            else _anchored(one, folder)
            for key, one in value.items()
        }
    return value


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        nested = isinstance(value, Mapping) and isinstance(old, Mapping)
        result[key] = _merged(old, value) if nested else value  # type: ignore[arg-type]
    return result
