"""The JSON schema of the settings, for editors: made from the same types that check them."""

from __future__ import annotations

import json
from typing import Any

from config.settings import Settings

__all__ = ["schema_text", "settings_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def settings_schema() -> dict[str, Any]:
    """Return the schema of a settings file.

    What an editor cannot know is not in it: that names lead somewhere, that carrier and queue fit.
    """
    made = _tidied(Settings.model_json_schema(mode="validation"))
    return {"$schema": _DIALECT, **made, "title": "Settings of Kairos"}


def schema_text() -> str:
    """Return the schema as it is published."""
    return json.dumps(settings_schema(), indent=2, ensure_ascii=False) + "\n"


def _tidied(node: Any) -> Any:  # noqa: ANN401 -- any part of a schema
    """Leave out what only repeats: titles, defaults of whole groups, marks of the library."""
    if isinstance(node, list):
        return [_tidied(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if not _is_noise(key, value)}
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].replace("``", "'").split())
    if "patternProperties" in kept:
        kept.setdefault("additionalProperties", False)
    return {key: _tidied(value) for key, value in kept.items()}


def _is_noise(key: str, value: object) -> bool:
    return (
        (key == "title" and isinstance(value, str))
        or (key == "default" and (value is None or isinstance(value, dict)))
        or (key == "ge" and isinstance(value, int | float))
    )
