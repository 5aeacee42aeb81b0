"""Settings of the queues: who is called back by whom, through what, when."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from config.carriers import check_channel
from config.problems import Problems
from config.values import Name, Seconds, Strict, Week

__all__ = ["Queue"]


class Queue(Strict):
    """One queue of callbacks. Times in seconds.

    ``customer_first``: the contact is called and put through to ``route``. ``agent_first``: one of
    ``agents`` is called and waits at ``hold_route``, then the contact is called and joined at
    ``bridge_route``.
    """

    carriers: tuple[Name, ...] = Field(
        min_length=1, description="names of carriers, the preferred one first"
    )
    mode: Literal["customer_first", "agent_first"] = Field(
        "customer_first", description="whose phone rings first"
    )
    route: Name | None = Field(
        None, description="where the contact is put through to; needed for customer_first"
    )
    agents: tuple[str, ...] = Field(
        (), description="dial targets like PJSIP/anna; needed for agent_first"
    )
    hold_route: Name | None = Field(
        None, description="where the agent waits; needed for agent_first"
    )
    bridge_route: Name | None = Field(
        None, description="where the contact is joined; needed for agent_first"
    )
    hours: Week | None = Field(
        None, description="business hours in the contact's local time, besides the law's"
    )
    retry_rules: Name = Field("standard", description="the set of retry rules")
    deadline: Seconds = Field(
        2 * 86400.0,
        ge=60,
        description="how long after the request a callback may be made, where the request does "
        "not say",
    )
    max_talk: Seconds = Field(2 * 3600.0, ge=60, description="a longer call is looked into")
    preferred_is_binding: bool = Field(
        default=True,
        description="false: when no time the contact wished for is left before the deadline, any "
        "lawful time will do",
    )

    @field_validator("agents")
    @classmethod
    def _agents(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(check_channel(one) for one in value)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = (
            ("agents", "hold_route", "bridge_route") if self.mode == "agent_first" else ("route",)
        )
        missing = [
            (key, f"missing; mode {self.mode} needs it") for key in needed if not getattr(self, key)
        ]
        if self.mode == "customer_first" and self.agents:
            missing.append(("agents", "only mode agent_first calls agents; take them away"))
        if len(set(self.carriers)) < len(self.carriers):
            missing.append(("carriers", "a carrier is there twice; keep one"))
        if missing:
            raise Problems(missing)
        return self

    @property
    def routes(self) -> tuple[str, ...]:
        """The names of the routes this queue uses; each of its carriers must have them."""
        used = (self.hold_route, self.bridge_route) if self.mode == "agent_first" else (self.route,)
        return tuple(name for name in used if name)
