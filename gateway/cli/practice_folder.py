"""The folder of a practice run: made once, gone on with later, never mistaken for a real one."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

import config
from config.settings import Settings
from config.values import parse_seconds
from config.yamlfile import read_yaml
from gateway.lifecycle import ExitCode, Failure

__all__ = ["LOG_NAME", "Folder"]

LOG_NAME: Final = "kairos.log"
_MARKER: Final = "practice.json"
_LOCK: Final = "practice.lock"
_CONFIG: Final = "kairos.yaml"
_SHIPPED: Final = Path(config.__file__).parent
_DURATIONS: Final = {"min_gap", "jitter", "at_least", "spread_within", "delays"}
_SHORTEST_RINGING: Final = 1.0
_SPARE: Final = 5.0
_HEAD: Final = "# Written anew by every `kairos practice`. Reaches nobody but the practice world.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Where a practice run keeps everything, and with whom it was begun."""

    path: Path
    callbacks: int
    seed: int

    @classmethod
    @contextmanager
    def prepare(cls, path: Path, callbacks: int, seed: int) -> Iterator[Folder]:
        """Make the folder, or go on with it; it is locked while inside.

        A folder that was begun keeps its number of callbacks and its seed. Raises Failure if the
        folder holds anything else, or is in use.
        """
        path = path.absolute()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            strangers = sorted(one.name for one in path.iterdir() if one.name != _LOCK)
        except OSError as error:
            remedy = "Say --data-dir with a folder that can be made."
            raise Failure(f"{path}: cannot be used ({error.strerror}).", remedy) from None
        marker = path / _MARKER
        if strangers and not marker.is_file():
            raise Failure(
                f"{path} is not empty and no practice folder: it holds {strangers[0]}.",
                "Say --data-dir with a new folder.",
            )
        with _locked(path):
            if not strangers:
                _write(marker, json.dumps({"callbacks": callbacks, "seed": seed}) + "\n")
            yield cls(path=path, **_begun_with(marker))

    @property
    def config(self) -> Path:
        """The configuration, for every other command too."""
        return self.path / _CONFIG

    def write_config(self, carrier: Mapping[str, Any], speed: float, *, hurry: bool) -> None:
        """Write the practice profile down, with the carrier that leads to the switch of now.

        ``speed`` shortens every wait between attempts, and with ``hurry`` the ringing too: where
        the switch does not do that by itself.
        """
        profile = read_yaml(_SHIPPED / "practice.yaml")
        (name,) = profile["carriers"]
        settings = profile["carriers"][name]
        settings.update(carrier)
        if hurry:
            ringing = max(_SHORTEST_RINGING, round(_seconds(settings["ring_timeout"]) / speed, 1))
            silence = ringing + _seconds(settings["ack_timeout"]) + _SPARE
            settings["ring_timeout"] = ringing
            dispatch = profile["dispatch"]
            dispatch["resolve_after"] = max(_seconds(dispatch["resolve_after"]), silence)
        profile["data_dir"] = "."
        profile["retry_rules_file"] = "retry-rules.yaml"
        profile["countries_file"] = "countries.yaml"
        sets = read_yaml(_SHIPPED / "retry-rules.yaml")["sets"]
        countries = read_yaml(_SHIPPED / "practice-countries.yaml")
        used = {one["retry_rules"] for one in profile["queues"].values()}
        rules = {"sets": {key: value for key, value in sets.items() if key in used}}
        for file, data in (
            (profile["retry_rules_file"], _hurried(rules, speed)),
            (profile["countries_file"], _hurried(countries, speed)),
            (_CONFIG, profile),
        ):
            text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
            _write(self.path / file, _HEAD + text)

    def checked(self, settings: Settings) -> Settings:
        """Make sure that no variable leads this practice run to other data. Raises Failure."""
        strange = {
            "KAIROS_DATA_DIR": settings.data_dir.resolve() != self.path.resolve(),
            "KAIROS_DATABASE__URL": settings.database.url is not None,
            "KAIROS_PROFILE": settings.profile != "practice",
        }
        for variable, is_set in strange.items():
            if is_set:
                problem = f"{variable} is set, and would lead the practice run to other data."
                raise Failure(problem, f"Unset it: env -u {variable} kairos practice")
        return settings


def _begun_with(marker: Path) -> dict[str, int]:
    try:
        data = json.loads(marker.read_text(encoding="utf-8"))
        return {"callbacks": int(data["callbacks"]), "seed": int(data["seed"])}
    except (OSError, ValueError, KeyError, TypeError):
        problem = f"{marker} cannot be read."
        raise Failure(problem, f"Remove {marker.parent} and begin anew.") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Failure(
            f"Another practice run uses {path}.",
            "Stop it, or say --data-dir with another folder.",
            ExitCode.BUSY,
        ) from None
    finally:
        os.close(lock)


def _seconds(duration: object) -> float:
    return float(str(parse_seconds(duration)))


def _hurried(data: Any, speed: float, key: str = "") -> Any:  # noqa: ANN401 -- YAML data
    """Shorten every duration in a rule file."""
    if isinstance(data, dict):
        return {name: _hurried(value, speed, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_hurried(value, speed, key) for value in data]
    if key in _DURATIONS:
        return round(_seconds(data) / speed, 3)
    return data


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
