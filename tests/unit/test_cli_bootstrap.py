"""Settings become parts: queues, fences, and what an import's row may hold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory import ManualClock, MemoryDialer
from config.settings import Settings, load_settings
from gateway.bootstrap.fence import FencedDialer
from gateway.bootstrap.parts import build_queues
from gateway.cli.columns import COLUMNS
from gateway.cli.rows import request_of
from gateway.domain.errors import BadInput, Refused
from gateway.domain.model import Role
from gateway.ports import DialOrder
from tests.support.builders import NOW

_LAB = {
    "type": "lab",
    "secret": "practice",
    "channel": "PJSIP/{number}@lab",
    "ring_timeout": 7,
    "routes": {
        "talk": {"context": "talk-there", "needs_agent": False},
        "hold": {"context": "hold-there", "needs_agent": False},
        "bridge": {"context": "bridge-there"},
    },
}


def settings(folder: Path, queues: Mapping[str, Any]) -> Settings:
    path = folder / "kairos.yaml"
    whole = {
        "profile": "practice",
        "default_country": "GB",
        "default_queue": next(iter(queues)),
        "carriers": {"lab": _LAB},
        "queues": dict(queues),
    }
    path.write_text(yaml.safe_dump(whole))
    return load_settings(path)


def test_queues_know_whom_they_need(tmp_path: Path) -> None:
    first = {"carriers": ["lab"], "route": "talk", "deadline": "1h"}
    second = {
        "carriers": ["lab"],
        "mode": "agent_first",
        "agents": ["PJSIP/anna"],
        "hold_route": "hold",
        "bridge_route": "bridge",
    }
    queues = build_queues(settings(tmp_path, {"talk": first, "agents": second}))
    talk, agents = queues["talk"], queues["agents"]
    assert (talk.route, talk.needs_agent, talk.deadline_after) == ("talk", False, 3600.0)
    assert (talk.ring_timeout, talk.agents) == (7.0, ())
    assert (agents.route, agents.hold_route, agents.needs_agent) == ("bridge", "hold", True)
    assert agents.agents == ("PJSIP/anna",)


def order(target: str, role: Role = Role.CUSTOMER) -> DialOrder:
    return DialOrder(
        leg_id="k" * 32, role=role, target=target, queue="q", route="r", ring_timeout=5.0
    )


async def test_a_fence_lets_no_other_number_through() -> None:
    inner = MemoryDialer(ManualClock())
    dialer = FencedDialer(inner, ["+44207946"])
    with pytest.raises(Refused, match="only_prefixes"):
        await dialer.originate(order("+358401234567"))
    await dialer.originate(order("+442079460123"))
    await dialer.originate(order("PJSIP/anna", Role.AGENT))
    assert [one.target for one in inner.orders] == ["+442079460123", "PJSIP/anna"]


@given(st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=40)))
def test_any_row_is_read_or_refused_in_words(fields: dict[str, str]) -> None:
    refused = None
    try:
        request_of(fields, now=NOW, source="file", default_key="k")
    except BadInput as problem:
        refused = problem
    assert refused is None or refused.field in COLUMNS
