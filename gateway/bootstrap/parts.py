"""From settings to the parts of a gateway: rules, numbers, queues, ways out, the database."""

from __future__ import annotations

from typing import Final

from adapters.asterisk import AsteriskDialer, AsteriskSettings, Route, Secret
from adapters.numbering import PhoneNumberPlan
from adapters.system import RandomIds, SystemClock
from adapters.system.ids import LEG_PREFIX
from config.carriers import Carrier
from config.carriers import Route as RouteSettings
from config.queues import Queue
from config.settings import Settings
from fallback.retry import Backoff
from gateway.app.intake import Intake
from gateway.app.service import Parts
from gateway.app.spec import DispatchSpec, QueueSpec
from gateway.bootstrap.fence import FencedDialer
from gateway.bootstrap.rules import Rules
from gateway.domain.pacing import Limits
from gateway.ports import Clock, Dialer, NumberPlan, Store

__all__ = [
    "build_dialers",
    "build_intake",
    "build_numbers",
    "build_parts",
    "build_queues",
]

_FIRST_RECONNECT: Final = 0.5
_LONGEST_RECONNECT: Final = 30.0


def build_queues(settings: Settings) -> dict[str, QueueSpec]:
    """Translate the queues."""
    return {name: _queue(name, queue, settings) for name, queue in settings.queues.items()}


def _queue(name: str, queue: Queue, settings: Settings) -> QueueSpec:
    first = settings.carriers[queue.carriers[0]]
    route = (queue.bridge_route if queue.agents else queue.route) or ""
    return QueueSpec(
        name=name,
        carriers=queue.carriers,
        route=route,
        agents=queue.agents,
        hold_route=queue.hold_route or "",
        needs_agent=any(settings.carriers[one].routes[route].needs_agent for one in queue.carriers),
        ring_timeout=first.ring_timeout,
        max_talk=queue.max_talk,
        deadline_after=queue.deadline,
    )


def build_intake(
    settings: Settings, rules: Rules, store: Store, *, numbers: NumberPlan | None = None
) -> Intake:
    """Build the way in over a store."""
    return Intake(
        store=store,
        clock=SystemClock(),
        ids=RandomIds(),
        numbers=numbers or build_numbers(settings),
        planner=rules.planner,
        queues=build_queues(settings),
        default_queue=settings.intake_queue,
        default_country=settings.default_country,
        check_subdivision=rules.calendar.check,
    )


def build_numbers(settings: Settings) -> PhoneNumberPlan:
    """Build what reads numbers, and refuses those that may not be called."""
    return PhoneNumberPlan(
        settings.allowed_countries,
        denied_prefixes=settings.numbers.denied_prefixes,
        only_prefixes=_only_prefixes(settings),
    )


def _only_prefixes(settings: Settings) -> tuple[str, ...]:
    """Return what a number must begin with to be of use at all; empty where a carrier takes any."""
    allowed = [carrier.only_prefixes for carrier in settings.carriers.values()]
    return tuple(prefix for one in allowed for prefix in one) if all(allowed) else ()


def build_parts(settings: Settings, rules: Rules, store: Store) -> Parts:
    """Build everything a gateway is made of over an open store. Inside the running loop."""
    clock = SystemClock()
    return Parts(
        store=store,
        clock=clock,
        ids=RandomIds(),
        planner=rules.planner,
        law=rules.law,
        dialers=build_dialers(settings, clock),
        queues=build_queues(settings),
        spec=DispatchSpec(
            node=settings.dispatch.node,
            resolve_after=settings.dispatch.resolve_after,
            settle=settings.dispatch.settle_seconds,
            drain=settings.dispatch.drain_seconds,
        ),
    )


def build_dialers(settings: Settings, clock: Clock) -> dict[str, Dialer]:
    """Build the ways out. Inside the running loop; nothing is connected yet."""
    return {
        name: _dialer(name, carrier, settings, clock) for name, carrier in settings.carriers.items()
    }


def _dialer(name: str, carrier: Carrier, settings: Settings, clock: Clock) -> Dialer:
    agents = [
        agent
        for queue in settings.queues.values()
        if name in queue.carriers
        for agent in queue.agents
    ]
    dialer = AsteriskDialer(
        AsteriskSettings(
            name=name,
            host=carrier.host,
            port=carrier.port,
            username=carrier.username,
            secret=Secret(carrier.secret.get_secret_value()),
            channel_template=carrier.channel,
            routes={key: _route(one) for key, one in carrier.routes.items()},
            limits=Limits(**carrier.limits.model_dump()),
            agents=dict(zip(agents, agents, strict=True)),
            caller_id=carrier.caller_id,
            leg_prefix=LEG_PREFIX,
            tls=carrier.tls is not None,
            tls_ca=carrier.tls.cafile if carrier.tls else None,
            tls_server_name=carrier.tls.server_hostname if carrier.tls else None,
            ack_timeout=carrier.ack_timeout,
            ping_interval=carrier.ping_interval,
            settle=settings.dispatch.settle_seconds,
            cel_file=carrier.cel_file,
        ),
        clock=clock,
        delays=Backoff(first=_FIRST_RECONNECT, cap=_LONGEST_RECONNECT),
    )
    return FencedDialer(dialer, carrier.only_prefixes) if carrier.only_prefixes else dialer


def _route(route: RouteSettings) -> Route:
    return Route(
        context=route.context,
        exten=route.exten,
        priority=route.priority,
        needs_agent=route.needs_agent,
        amd=route.amd,
    )
