"""What one Asterisk is told, refused when it cannot be meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.asterisk import Route, Secret
from gateway.domain.errors import BadInput
from tests.support.fake_ami import FakeAmi
from tests.support.link_rig import SECRET, settings_for


@pytest.mark.parametrize(
    "changes",
    [
        {"channel_template": "PJSIP/trunk"},
        {"channel_template": "PJSIP/{number}{digits}@trunk"},
        {"channel_template": "PJSIP/{number}@trunk\r\nAction: x"},
        {"channel_template": "PJSIP/{number}@trunk&PJSIP/x"},
        {"channel_template": "{number}"},
        {"agents": {"anna": "PJSIP/anna&PJSIP/bob"}},
        {"caller_id": "x\r\ny"},
        {"caller_id": '"a" <1> <2>'},
        {"leg_prefix": ""},
        {"leg_prefix": "K"},
        {"event_queue": 0},
        {"ack_timeout": 0},
        {"ping_interval": -1.0},
        {"settle": -1.0},
    ],
)
def test_bad_settings(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        settings_for(FakeAmi(), **changes)
    assert caught.value.field == f"asterisk.{next(iter(changes))}"


@pytest.mark.parametrize(
    "changes",
    [
        {"context": "a b"},
        {"context": ""},
        {"exten": "_."},
        {"exten": "failed"},
        {"exten": "h"},
        {"priority": 0},
        {"variables": {"1A": "x"}},
        {"variables": {"A": "${SHELL(x)}"}},
        {"variables": {"A": "x(y"}},
        {"variables": {"A": 'x"y'}},
        {"variables": {"A": "x\ny"}},
        {"agent_variable": "A=B"},
    ],
)
def test_bad_routes(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        replace(Route(context="kairos-connect", exten="agent1"), **changes)


@pytest.mark.parametrize("caller_id", ["", "+358901234", '"Kairos Oy" <+358901234>', "<112>"])
def test_good_caller_ids(caller_id: str) -> None:
    assert settings_for(FakeAmi(), caller_id=caller_id).caller_id == caller_id


def test_a_secret_does_not_show_itself() -> None:
    settings = settings_for(FakeAmi())
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.secret)
    assert SECRET not in f"{settings.secret!r}"
    assert settings.secret == Secret(SECRET)
    assert hash(settings.secret) == hash(Secret(SECRET))
    assert settings.secret != SECRET
