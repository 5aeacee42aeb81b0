"""What of a changed configuration is applied at once, and what waits for a restart."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.changes import Amended, amend
from config.problems import Problems
from config.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("KAIROS_"):
            monkeypatch.delenv(name)


def base() -> dict[str, Any]:
    routes = {
        "support": {"context": "calls"},
        "hold": {"context": "waits"},
        "join": {"context": "joins"},
    }
    carrier = {
        "type": "asterisk",
        "secret": "correct-horse",
        "channel": "PJSIP/{number}@trunk",
        "routes": routes,
    }
    return {
        "default_country": "FI",
        "default_queue": "support",
        "carriers": {"office": carrier},
        "queues": {
            "support": {"carriers": ["office"], "route": "support"},
            "sales": {
                "carriers": ["office"],
                "mode": "agent_first",
                "agents": ["PJSIP/anna"],
                "hold_route": "hold",
                "bridge_route": "join",
            },
        },
    }


def settings(folder: Path, config: dict[str, Any]) -> Settings:
    file = folder / "kairos.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    return load_settings(file)


def changed(**paths: object) -> dict[str, Any]:
    """The base with keys set (``...``: taken away); two underscores for a dot."""
    config = copy.deepcopy(base())
    for path, value in paths.items():
        *parents, last = path.split("__")
        group = config
        for parent in parents:
            group = group.setdefault(parent, {})
        if value is ...:
            del group[last]
        else:
            group[last] = value
    return config


def amended(folder: Path, **paths: object) -> Amended:
    running = settings(folder, base())
    return amend(running, running, settings(folder, changed(**paths)))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("queues__support__deadline", "1d"),
        ("queues__support__hours", {"mon-fri": "09:00-17:00"}),
        ("queues__support__retry_rules", "urgent"),
        ("queues__support__max_talk", 3600),
        ("numbers__denied_prefixes", ["+35870"]),
        ("numbers__countries", ["FI", "SE"]),
        ("logging__level", "debug"),
        ("api__rate_limit__burst", 5),
        ("countries_file", "mine.yaml"),
        ("retry_rules_file", "mine.yaml"),
    ],
)
def test_applied_at_once(tmp_path: Path, key: str, value: object) -> None:
    found = amended(tmp_path, **{key: value})
    assert found.applied == (key.replace("__", "."),)
    assert found.needs_restart == ()
    assert found.settings.model_dump() == settings(tmp_path, changed(**{key: value})).model_dump()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data_dir", "elsewhere"),
        ("default_country", "SE"),
        ("default_queue", "sales"),
        ("database__url", "postgresql://a:b@127.0.0.1/c"),
        ("carriers__office__secret", "another-horse"),
        ("carriers__office__limits__burst", 7),
        ("carriers__office__ring_timeout", 20),
        ("dispatch__node", "other"),
        ("api__host", "::1"),
        ("api__port", 9000),
        ("logging__format", "console"),
        ("webhooks__timeout", 5),
    ],
)
def test_waits_for_a_restart(tmp_path: Path, key: str, value: object) -> None:
    running = settings(tmp_path, base())
    found = amended(tmp_path, **{key: value})
    assert found.applied == ()
    assert found.needs_restart == (key.replace("__", "."),)
    assert found.settings.model_dump() == running.model_dump()


def test_a_secret_that_changed_is_named_and_not_shown(tmp_path: Path) -> None:
    found = amended(tmp_path, carriers__office__secret="another-horse")
    assert "horse" not in repr(found)


def test_both_kinds_in_one_change(tmp_path: Path) -> None:
    found = amended(tmp_path, queues__support__deadline="1d", api__port=9000)
    assert found.applied == ("queues.support.deadline",)
    assert found.needs_restart == ("api.port",)
    assert found.settings.queues["support"].deadline == 86400
    assert found.settings.api.port == 8080


def test_a_queue_comes_and_goes(tmp_path: Path) -> None:
    new = {"carriers": ["office"], "route": "support"}
    found = amended(tmp_path, queues__sales=..., queues__billing=new)
    assert list(found.settings.queues) == ["support", "billing"]
    assert "queues.billing.route" in found.applied
    assert "queues.sales.agents" in found.applied


def test_an_agent_no_carrier_knows_waits_with_the_whole_queue(tmp_path: Path) -> None:
    agents = ["PJSIP/anna", "PJSIP/bert"]
    found = amended(tmp_path, queues__sales__agents=agents, queues__sales__deadline="1d")
    assert found.applied == ()
    assert found.needs_restart == ("queues.sales",)
    assert found.settings.queues["sales"].agents == ("PJSIP/anna",)


def test_an_agent_may_be_taken_away(tmp_path: Path) -> None:
    two = settings(tmp_path, changed(queues__sales__agents=["PJSIP/anna", "PJSIP/bert"]))
    one = amend(two, two, settings(tmp_path, base()))
    assert one.applied == ("queues.sales.agents",)
    again = amend(one.settings, two, two)
    assert again.applied == ("queues.sales.agents",)
    assert again.needs_restart == ()


def test_a_queue_with_a_new_carrier_waits_for_it(tmp_path: Path) -> None:
    config = changed(queues__billing={"carriers": ["second"], "route": "support"})
    config["carriers"]["second"] = base()["carriers"]["office"]
    running = settings(tmp_path, base())
    found = amend(running, running, settings(tmp_path, config))
    assert "billing" not in found.settings.queues
    assert "queues.billing" in found.needs_restart
    assert "carriers.second.type" in found.needs_restart


def test_a_queue_with_a_new_route_waits_for_it(tmp_path: Path) -> None:
    config = changed(queues__support__route="vip")
    config["carriers"]["office"]["routes"]["vip"] = {"context": "vip"}
    running = settings(tmp_path, base())
    found = amend(running, running, settings(tmp_path, config))
    assert found.settings.queues["support"].route == "support"
    assert "queues.support" in found.needs_restart


def test_what_cannot_be_applied_without_the_rest_changes_nothing(tmp_path: Path) -> None:
    config = changed(queues__support=..., default_queue="sales")
    running = settings(tmp_path, base())
    with pytest.raises(Problems, match=r"no queue 'support'.*needs a restart"):
        amend(running, running, settings(tmp_path, config))


def test_a_second_queue_may_come_with_the_default_it_makes_necessary(tmp_path: Path) -> None:
    running = settings(tmp_path, changed(queues__sales=..., default_queue=...))
    billing = {"carriers": ["office"], "route": "support"}
    config = changed(queues__sales=..., queues__billing=billing)
    found = amend(running, running, settings(tmp_path, config))
    assert found.needs_restart == ()
    assert found.settings.default_queue == "support"


def test_the_only_queue_is_not_renamed_under_those_who_name_none(tmp_path: Path) -> None:
    one = changed(queues__sales=..., default_queue=...)
    other = changed(queues__sales=..., default_queue=...)
    other["queues"]["help"] = other["queues"].pop("support")
    running = settings(tmp_path, one)
    with pytest.raises(Problems, match=r"default_queue: requests that name no queue go to"):
        amend(running, running, settings(tmp_path, other))


def test_the_order_of_changes_does_not_matter(tmp_path: Path) -> None:
    """Going there and back again ends with the configuration one began with."""
    running = settings(tmp_path, base())
    there = amend(running, running, settings(tmp_path, changed(numbers__countries=["FI", "SE"])))
    back = amend(there.settings, running, settings(tmp_path, base()))
    assert back.settings.model_dump() == running.model_dump()
