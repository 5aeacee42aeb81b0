"""Listens to one carrier and passes on what it tells, in the order it came."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.app.desk import Desk
from gateway.app.registry import Registry
from gateway.app.resolve import Resolver
from gateway.domain.events import CallEvent, CallNews, LinkDown, LinkUp
from gateway.ports import Dialer

__all__ = ["track"]

_log = structlog.get_logger()


async def track(
    dialer: Dialer, desk: Desk, resolver: Resolver, on_link: Callable[[], None]
) -> None:
    """Consume a carrier's events until canceled; ``on_link`` is called at every edge.

    Cancelable at any await. The only consumer of :meth:`~gateway.ports.Dialer.events`.
    Where several carriers lead to one PBX, each hears of the others' calls too, but knows less of
    them than the one that ordered them: such news is left out.
    """
    async for event in dialer.events():
        match event:
            case CallEvent() if _is_of_another(dialer.name, event, desk.registry):
                continue
            case CallEvent(news=CallNews.ENDED) if resolver.ended(event):
                continue
            case CallEvent():
                resolver.heard(event)
                desk.news(event)
            case LinkUp():
                _log.info("carrier.up", carrier=event.carrier, boot_epoch=event.boot_epoch)
                resolver.link_up(event)
                on_link()
            case LinkDown():
                resolver.link_down(event)
                on_link()


def _is_of_another(carrier: str, event: CallEvent, registry: Registry) -> bool:
    flight = registry.of_leg(event.leg_id) or registry.past_of_leg(event.leg_id)
    return flight is not None and flight.leg(event.leg_id).carrier != carrier
