"""Brings what people did to a callback that is being called to its open attempt in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.app.desk import Desk
from gateway.domain.machine import CallbackState, LegEvent, LegState
from gateway.domain.model import Callback, Leg

__all__ = ["Marks"]


class Marks:
    """What a mark on a callback means for its legs. ``hang_up`` starts ending one."""

    def __init__(self, desk: Desk, hang_up: Callable[[Leg], None]) -> None:
        self._desk = desk
        self._hang_up = hang_up

    def set(self, callback: Callback) -> None:
        """Hear of a callback as it is stored now.

        Legs that were not sent are released. Where the contact was reached otherwise, those that
        nobody answered yet are hung up; where it was canceled, the call goes on to its end. An
        attempt that is not known here (reserved in this moment, or over) is left to the database,
        which refuses to send it, and to the change that ends it.
        """
        flight = self._desk.registry.of_callback(callback.id)
        known = flight is not None and flight.callback.attempts == callback.attempts
        if flight is None or not known or callback.state is not CallbackState.DIALING:
            return
        if callback.version > flight.callback.version:
            flight = replace(flight, callback=callback)
            self._desk.registry.put(flight)
        if not (callback.answered_late or callback.cancel_requested):
            return
        for leg in flight.legs:
            if leg.state is LegState.RESERVED:
                text = f"not sent: {callback.state_reason}"
                self._desk.settle(leg.id, LegEvent.RELEASE, text=text)
            elif callback.answered_late and leg.is_open and leg.answered_at is None:
                self._hang_up(leg)
