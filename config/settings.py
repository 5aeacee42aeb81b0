"""All settings of Kairos: one YAML file and the environment, checked as a whole at the start.

A variable wins over the file: ``KAIROS_`` and the path of the key, its parts joined by two
underscores (``KAIROS_CARRIERS__OFFICE__SECRET``). Durations are in seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from config.api import Api
from config.carriers import Carrier
from config.groups import Database, Dispatch, Logging, Numbers
from config.problems import ConfigError, Problems, describe, did_you_mean
from config.queues import Queue
from config.sources import (
    PATH_VARIABLE,
    PREFIX,
    Source,
    anchored,
    credentials,
    exposed,
    merged,
    nested,
    odd_variables,
    variables,
)
from config.tree import path_of, walk
from config.values import Country, Name
from config.webhooks import Webhooks
from config.yamlfile import Document, read_document

__all__ = ["Database", "Dispatch", "Logging", "Numbers", "Settings", "load_settings"]


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

    profile: Literal["normal", "practice"] = Field(
        "normal", description="practice can reach nobody: lab carriers and practice numbers only"
    )
    allow_lab_carriers: bool = Field(
        default=False, description="lets a normal profile have a lab carrier"
    )
    data_dir: Path = Field(
        Path("kairos-data"),
        description="where everything is kept that must stay; of one running Kairos only",
    )
    database: Database = Field(Database(), description="where the database is")
    carriers: dict[Name, Carrier] = Field(min_length=1, description="the ways out, by name")
    queues: dict[Name, Queue] = Field(min_length=1, description="the queues, by name")
    dispatch: Dispatch = Field(Dispatch(), description="how calls are sent out")
    numbers: Numbers = Field(Numbers(), description="which numbers may be called at all")
    default_country: Country | None = Field(
        None, description="how to read a number without + and country code"
    )
    default_queue: Name | None = Field(
        None, description="the queue of requests that name none; needed where there are several"
    )
    countries_file: Path | None = Field(
        None, description="calling rules by country, instead of those shipped"
    )
    retry_rules_file: Path | None = Field(None, description="retry rules, instead of those shipped")
    logging: Logging = Field(Logging(), description="how Kairos tells what it does")
    api: Api = Field(Api(), description="the HTTP API")
    webhooks: Webhooks = Field(Webhooks(), description="who is told what happens, and how")

    _source: Source | None = PrivateAttr(default=None)

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
        if found := self.contradictions():
            raise Problems(found)
        return self

    def contradictions(self) -> list[tuple[str, str]]:
        """Return what does not fit together: key paths and sentences."""
        return [*self._profile_problems(), *self._queue_problems(), *self._other_problems()]

    @property
    def source(self) -> Source | None:
        """Where these settings were read from; None where they were made otherwise."""
        return self._source

    def read_from(self, source: Source | None) -> None:
        """Say where these settings were read from."""
        self._source = source

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

    def open_doors(self) -> Iterator[str]:
        """Tell of what others on the network could read or use, in sentences."""
        api = self.api
        if api.enabled and not (api.loopback_only or api.tls or api.trusted_proxies):
            text = f"api.host: {api.host} can be reached by others, and nothing is encrypted"
            yield f"{text}; set api.tls, or api.trusted_proxies if a proxy stands before it"

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
    """Read the file at ``path`` (or KAIROS_CONFIG), the credentials and the environment.

    Relative paths in the file are relative to the file's folder. ``overrides`` are merged over the
    file. Raises ConfigError with one sentence for each problem.
    """
    path = path or _named()
    document = read_document(path)
    over = dict(overrides or {})
    secrets = credentials(Settings)
    raw = {"data_dir": "kairos-data", **document.data}
    raw = anchored(raw, Settings, path.resolve().parent)
    problems = [*_odd_keys(document, path.name), *odd_variables(Settings)]
    raw = {key: value for key, value in raw.items() if key in Settings.model_fields}
    origins = {**{one: f"credential {one}" for one in secrets}, **variables()}
    try:
        settings = Settings(**merged(merged(raw, over), nested(secrets)))
    except ValidationError as error:
        problems += describe(error, Settings, path.name, origins, document.lines)
    except SettingsError as error:
        problems.append(f"environment: {error}; nested keys are joined by two underscores")
    else:
        if not problems:
            settings.read_from(
                Source(
                    file=path.resolve(),
                    document=document,
                    variables=variables(),
                    credentials={one: one for one in secrets},
                    overrides=frozenset(path_of(loc) for loc, *_ in walk(over, Settings)),
                    warnings=(*exposed(raw, Settings, path), *settings.open_doors()),
                )
            )
            return settings
    raise ConfigError(problems)


def _named() -> Path:
    named = os.environ.get(PATH_VARIABLE)
    if not named:
        remedy = "say --config FILE or set KAIROS_CONFIG; see config/example.yaml"
        raise ConfigError([f"no configuration: {remedy}"])
    return Path(named)


def _odd_keys(document: Document, source: str) -> Iterator[str]:
    for key in document.data:
        if key not in Settings.model_fields:
            place = f"{source}, line {document.lines.get(key, 1)}: {key}"
            yield f"{place}: unknown key; {did_you_mean(key, Settings.model_fields)}"
