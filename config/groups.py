"""The smaller groups of settings: database, dispatch, numbers, logging."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from config.values import Country, Name, Seconds, Strict, filled_from_file

__all__ = ["Database", "Dispatch", "Logging", "Numbers"]

_SCHEMES = ("sqlite:///", "sqlite+aiosqlite:///", "postgresql://", "postgresql+asyncpg://")


class Database(Strict):
    """Where everything is kept; without ``url``: SQLite in the data directory.

    ``url`` wins over ``url_file``, so that a variable can override it.
    """

    url: SecretStr | None = Field(
        None, description="postgresql://user:password@host/name or sqlite:///path; a secret"
    )
    url_file: Path | None = Field(None, description="a file that holds the url and nothing else")

    @model_validator(mode="before")
    @classmethod
    def _read_url(cls, data: Any) -> Any:  # noqa: ANN401 -- unchecked input
        return filled_from_file(data, "url", "url_file")

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
    """How calls are sent out. Times in seconds."""

    resolve_after: Seconds = Field(
        120.0, ge=5, le=3600, description="silence after which a call is looked into"
    )
    settle_seconds: Seconds = Field(
        5.0, le=300, description="how long a switch gets to show a call it was asked for"
    )
    drain_seconds: Seconds = Field(
        30.0, le=3600, description="how long a stop waits for open calls"
    )
    node: Name = Field("main", description="the name of this process among several on one database")


class Numbers(Strict):
    """Which numbers may be called at all, against toll fraud."""

    countries: tuple[Country, ...] = Field(
        (), description="countries that may be called; empty: the default country only"
    )
    denied_prefixes: tuple[str, ...] = Field(
        (), description="beginnings of numbers (E.164) that are never called"
    )


class Logging(Strict):
    """How Kairos tells what it does."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the least that is told"
    )
    format: Literal["json", "console"] = Field(
        "json", description="json for machines, console for people"
    )
