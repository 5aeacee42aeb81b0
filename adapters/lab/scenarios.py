"""The calls that are recorded: one small play per scenario, by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from adapters.lab.asterisk import AGENT_DIAL, AMD, BRIDGE, CONNECT, HOLD, QUEUE, TALK
from adapters.lab.numbers import number_for
from adapters.lab.scene import Scene, channel_id

Play = Callable[[Scene], Awaitable[None]]

SCENARIOS: dict[str, Play] = {}
"""Every scenario by name; the docstring of its function says what happens."""

BY_SIPP: Final = frozenset({"human_without_reason"})
"""Scenarios whose far end is no Asterisk, which says why it hangs up, but SIPp, which does not."""

_AGENT: Final = (CONNECT, "agent1")
_AGENT_DIAL: Final = AGENT_DIAL.replace("agent", "number")
_WAIT: Final = (HOLD, "wait")
_JOIN: Final = (BRIDGE, "join")


def _scenario(play: Play) -> Play:
    SCENARIOS[play.__name__.removeprefix("_")] = play
    return play


def _simple(
    name: str, line: str, note: str, *, where: tuple[str, str] = _AGENT, **more: float
) -> None:
    """Register a scenario that is nothing but one call to a number of the published table."""

    async def play(scene: Scene) -> None:
        await scene.originate(
            "customer", number_for(line), where, seconds=more.get("seconds", 10.0)
        )
        await scene.result("customer")
        await scene.gone("customer")

    play.__doc__ = note
    SCENARIOS[name] = play


_simple("human_connected", "human", "Answers, is put through to an agent, leaves after 5 s.")
_simple(
    "human_without_reason",
    "human",
    "As before; the far end's BYE gives no Reason: Cause 0.",
    where=(TALK, "stay"),
)
_simple("human_late", "human_late", "Answers after 3 s of ringing.")
_simple("ring_out", "ring_out", "Rings until the originate times out.", seconds=2.0)
_simple(
    "no_reply", "no_reply", "No ringing, no answer, until the originate times out.", seconds=2.0
)
_simple("busy", "busy", "486.")
_simple("decline", "decline", "603 after ringing.")
_simple("not_found", "not_found", "404.")
_simple("unavailable", "unavailable", "480 without ringing.")
_simple("congestion", "congestion", "503.")
_simple("forbidden", "forbidden", "403.")
_simple("gives_up_ringing", "gives_up", "Rings a second, then the far network says 480.")
_simple("amd_machine", "machine", "AMD hears a machine and hangs up.", where=(AMD, "agent1"))
_simple("amd_human", "human", "AMD hears a person, who is put through.", where=(AMD, "agent1"))
_simple("amd_silent", "silent", "AMD hears nothing and calls it a machine.", where=(AMD, "agent1"))
_simple("amd_hangup", "leaves", "The person leaves during AMD.", where=(AMD, "agent1"))
_simple(
    "caller_leaves", "leaves", "Answers, leaves while the agent rings.", where=(CONNECT, "agent70")
)
_simple(
    "agent_busy", "human", "The customer answers, the agent is busy.", where=(CONNECT, "agent80")
)
_simple("queue_connected", "human", "Answers and is served by a queue.", where=(QUEUE, "support"))
_simple("queue_abandoned", "leaves", "Answers and leaves the queue.", where=(QUEUE, "slow"))
_simple(
    "queue_nobody",
    "human_long",
    "Nobody in the queue picks up; it gives up.",
    where=(QUEUE, "away"),
)


@_scenario
async def _agent_missing(scene: Scene) -> None:
    """The customer answers, the agent never picks up (2 s)."""
    await scene.originate(
        "customer", number_for("human_long"), (CONNECT, "agent90"), KAIROS_AGENT_SECONDS="2"
    )
    await scene.gone("customer")


@_scenario
async def _agent_first(scene: Scene) -> None:
    """The agent answers and waits; the customer answers and joins; the customer leaves."""
    await scene.originate("agent", "agent1", _WAIT, dial=_AGENT_DIAL)
    await scene.result("agent")
    await scene.originate("customer", number_for("human"), _JOIN, KAIROS_AGENT=channel_id("agent"))
    await scene.gone("customer", "agent")


@_scenario
async def _agent_first_agent_no_answer(scene: Scene) -> None:
    """The agent does not pick up, so nobody else is called."""
    await scene.originate("agent", "agent90", _WAIT, dial=_AGENT_DIAL, seconds=2.0)
    await scene.result("agent")
    await scene.gone("agent")


@_scenario
async def _agent_first_customer_busy(scene: Scene) -> None:
    """The agent waits, the customer is busy, the gateway lets the agent go."""
    await scene.originate("agent", "agent1", _WAIT, dial=_AGENT_DIAL)
    await scene.result("agent")
    await scene.originate("customer", number_for("busy"), _JOIN, KAIROS_AGENT=channel_id("agent"))
    await scene.result("customer")
    await scene.hang_up("agent")
    await scene.gone("customer", "agent")


@_scenario
async def _agent_first_agent_left(scene: Scene) -> None:
    """The agent waits and leaves before the customer answers, who finds nobody."""
    await scene.originate("agent", "agent99", _WAIT, dial=_AGENT_DIAL)
    await scene.result("agent")
    late = number_for("human_late")
    await scene.originate("customer", late, _JOIN, KAIROS_AGENT=channel_id("agent"))
    await scene.gone("agent", "customer")


@_scenario
async def _agent_first_hold_ends(scene: Scene) -> None:
    """The agent waits in vain until the longest wait is over (1 s)."""
    await scene.originate("agent", "agent1", _WAIT, dial=_AGENT_DIAL, KAIROS_HOLD_SECONDS="1")
    await scene.gone("agent")


@_scenario
async def _duplicate_channel_id(scene: Scene) -> None:
    """A second originate with the id of a live call fails with that call's Uniqueid."""
    await scene.originate("customer", number_for("human_long"), _AGENT)
    await scene.result("customer")
    await scene.originate("customer", number_for("human", 1), _AGENT, action="again")
    await scene.result("customer", "again")
    await scene.quiet()
    await scene.hang_up("customer")
    await scene.gone("customer")


@_scenario
async def _channel_id_used_again(scene: Scene) -> None:
    """The same id after the first call has ended: a second call is placed."""
    await scene.originate("customer", number_for("busy"), _AGENT)
    await scene.result("customer")
    await scene.gone("customer")
    await scene.quiet()
    await scene.originate("customer", number_for("decline"), _AGENT, action="again")
    await scene.result("customer", "again")


@_scenario
async def _no_such_technology(scene: Scene) -> None:
    """The channel technology does not exist."""
    await scene.originate("customer", number_for("human"), _AGENT, dial="NOTECH/{number}")
    await scene.result("customer")


@_scenario
async def _no_such_endpoint(scene: Scene) -> None:
    """The trunk does not exist."""
    await scene.originate("customer", number_for("human"), _AGENT, dial="PJSIP/{number}@nowhere")
    await scene.result("customer")


@_scenario
async def _refused_extension(scene: Scene) -> None:
    """The extension does not exist: refused at once, no event."""
    await scene.originate("customer", number_for("human"), (CONNECT, "nobody"))


@_scenario
async def _hangup_while_ringing(scene: Scene) -> None:
    """The gateway hangs up while it rings."""
    await scene.originate("customer", number_for("ring_out"), _AGENT)
    await scene.hang_up("customer")
    await scene.result("customer")
    await scene.gone("customer")


@_scenario
async def _hangup_while_talking(scene: Scene) -> None:
    """The gateway hangs up a connected call."""
    await scene.originate("customer", number_for("human_long"), _AGENT)
    await scene.event("BridgeEnter", Uniqueid=channel_id("customer"))
    await scene.quiet()
    await scene.hang_up("customer")
    await scene.gone("customer")


@_scenario
async def _hangup_by_unique_id(scene: Scene) -> None:
    """Hangup takes the ChannelId too, in this version."""
    await scene.originate("customer", number_for("human_long"), _AGENT)
    await scene.event("BridgeEnter", Uniqueid=channel_id("customer"))
    await scene.ask("Hangup", Channel=channel_id("customer"))
    await scene.gone("customer")


@_scenario
async def _lists_during_call(scene: Scene) -> None:
    """What the lists for reconciliation say while a call is connected."""
    await scene.originate("customer", number_for("human_long"), _AGENT)
    await scene.event("BridgeEnter", Uniqueid=channel_id("customer"))
    await scene.ask("CoreStatus")
    for name, end in (
        ("CoreShowChannels", "CoreShowChannelsComplete"),
        ("Status", "StatusComplete"),
        ("QueueStatus", "QueueStatusComplete"),
        ("DeviceStateList", "DeviceStateListComplete"),
    ):
        await scene.ask(name)
        await scene.event(end)
    await scene.hang_up("customer")
    await scene.gone("customer")


@_scenario
async def _shutdown_during_call(scene: Scene) -> None:
    """The PBX is stopped in good order while a call is connected."""
    await scene.originate("customer", number_for("human_long"), _AGENT)
    await scene.event("BridgeEnter", Uniqueid=channel_id("customer"))
    await scene.quiet()
    await scene.lab.stop()
    await scene.lab.start()


@_scenario
async def _power_cut_during_call(scene: Scene) -> None:
    """The PBX dies while a call is connected: the connection ends, and nothing is said."""
    await scene.originate("customer", number_for("human_long"), _AGENT)
    await scene.event("BridgeEnter", Uniqueid=channel_id("customer"))
    await scene.quiet()
    await scene.lab.kill()
    await scene.lab.start()
