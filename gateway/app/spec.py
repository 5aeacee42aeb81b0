"""How queues and the dispatcher are set up, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DispatchSpec", "QueueSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSpec:
    """One queue: through which carriers it calls, and who talks to the contact.

    ``carriers`` in order of preference. ``agents`` (dial targets) makes the queue agent-first:
    the agent's phone rings first and waits at ``hold_route`` until the contact, who is sent to
    ``route``, is bridged to it. Without agents the contact rings first and is sent to ``route``.
    ``needs_agent``: an answered contact nobody talked to counts as abandoned. ``ring_timeout``,
    ``max_talk`` and ``deadline_after`` in seconds.
    """

    name: str
    carriers: tuple[str, ...]
    route: str
    agents: tuple[str, ...] = ()
    hold_route: str = ""
    needs_agent: bool = True
    ring_timeout: float = 30.0
    max_talk: float = 2 * 3600.0
    deadline_after: float = 48 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSpec:
    """How this node dispatches. Durations in seconds.

    ``resolve_after``: silence after which the resolver looks at a leg; ``settle``: how long a PBX
    gets to show a call it was asked for; ``drain``: how long open calls may run at shutdown;
    ``claim_spacing``: claims are made at most this often, so that rows due together share one.
    """

    node: str
    resolve_after: float = 120.0
    settle: float = 5.0
    looks: int = 3
    drain: float = 30.0
    claim_spacing: float = 0.01
