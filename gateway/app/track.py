"""Listens to one carrier and passes on what it tells, in the order it came."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.app.desk import Desk
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
    """
    async for event in dialer.events():
        match event:
            case CallEvent(news=CallNews.ENDED) if resolver.ended(event):
                continue
            case CallEvent():
                desk.news(event)
            case LinkUp():
                _log.info("carrier.up", carrier=event.carrier, boot_epoch=event.boot_epoch)
                resolver.link_up(event)
                on_link()
            case LinkDown():
                resolver.link_down(event)
                on_link()
