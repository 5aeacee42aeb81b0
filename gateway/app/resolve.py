"""Decides what became of calls nobody told us about. No other code may.

A leg is in doubt after a restart, after a lost link, when the carrier never answered an order, or
when nothing was heard for too long. In this order: it lives at the PBX (then it is adopted);
lasting evidence (CEL) tells its end; evidence proves that it was never placed; else it is
``unresolved``, which counts as an attempt, so that in doubt nobody is called twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from gateway.app.desk import Desk
from gateway.app.spec import DispatchSpec
from gateway.app.waiting import sleep_until_woken
from gateway.domain.disposition import Disposition
from gateway.domain.errors import DialError
from gateway.domain.events import CallEvent, CallNews, Finding, LinkDown, LinkUp
from gateway.domain.machine import LegEvent, LegState
from gateway.domain.model import Evidence, Leg
from gateway.ports import Clock, Dialer

__all__ = ["Resolver"]

_log = structlog.get_logger()
_LOOK_TIMEOUT = 30.0
# A PBX writes its evidence a moment after it told the end.
_EVIDENCE_LAG = 1.0
# What rang or was answered was placed, whatever a log with holes may say.
_MAY_BE_UNPLACED = frozenset({LegState.SENDING, LegState.ACCEPTED})


class Resolver:
    """Looks at legs in doubt when their time has come. One task: :meth:`run`."""

    def __init__(
        self, *, desk: Desk, clock: Clock, dialers: Mapping[str, Dialer], spec: DispatchSpec
    ) -> None:
        self.on_settled: Callable[[], None] = lambda: None
        self._desk = desk
        self._clock = clock
        self._dialers = dialers
        self._spec = spec
        self._look_at: dict[str, datetime] = {}
        self._looks: dict[str, int] = {}
        self._adopted: set[str] = set()
        self._heard: dict[str, CallEvent] = {}
        self._wake = asyncio.Event()

    def doubt(self, leg_id: str) -> None:
        """Have a leg looked at once the PBX has had time to show it."""
        self._look_at[leg_id] = self._clock.now() + timedelta(seconds=self._spec.settle)
        self._looks.setdefault(leg_id, 0)
        self._wake.set()

    def link_up(self, event: LinkUp) -> None:
        """After a new link, doubt every leg of the carrier that may have been heard of without us.

        A call of an earlier run of the PBX cannot live any more: it is looked at at once.
        """
        if event.unbroken:
            return
        for leg in self._legs(event.carrier):
            self.doubt(leg.id)
            if leg.boot_epoch != event.boot_epoch:
                self._look_at[leg.id] = self._clock.now()

    def link_down(self, event: LinkDown) -> None:
        """Note a lost link; its legs are looked at when it is back or their time is up."""
        _log.warning("carrier.down", carrier=event.carrier, reason=event.reason)

    def heard(self, event: CallEvent) -> None:
        """Hear that a leg is under way; one in doubt gets its time to show from here on.

        An order may lie in a PBX that hangs; its call begins a moment after it was taken.
        """
        if event.leg_id in self._look_at and event.leg_id not in self._heard:
            self.doubt(event.leg_id)

    def ended(self, event: CallEvent) -> bool:
        """Hear of the end of a leg; True if this takes it, False if it can be believed as it is.

        A leg that was found alive may have been answered while nobody listened, so the carrier's
        last word alone is not enough: lasting evidence is asked first. So it is where the carrier
        itself cannot tell: the end of such a call may be heard before its leg is looked at.
        """
        unsure = event.disposition is Disposition.UNRESOLVED
        if event.leg_id not in self._adopted and not unsure:
            return False
        self._heard[event.leg_id] = event
        self._looks[event.leg_id] = 0
        self._look_at[event.leg_id] = self._clock.now() + timedelta(seconds=_EVIDENCE_LAG)
        self._wake.set()
        return True

    def resume(self) -> None:
        """After a start: legs that were reserved but never sent go back; the others wait.

        Their time may be up by now, but nobody was there to look: it begins anew, so that the
        carrier has a chance to be reached before anything is given up.
        """
        anew = self._clock.now() + timedelta(seconds=self._spec.resolve_after)
        for flight in self._desk.registry:
            for leg in flight.legs:
                if leg.state is LegState.RESERVED:
                    text = "not sent: the gateway was stopped before it was written"
                    self._desk.settle(leg.id, LegEvent.RELEASE, text=text)
                elif leg.is_open and leg.resolve_by < anew:
                    text = "the gateway was away: its time begins anew"
                    self._desk.note(leg.id, "waits", text, only=True, resolve_by=anew)

    async def run(self) -> None:
        """Look at legs when it is time, until canceled. Cancelable at any await."""
        while True:
            self._wake.clear()
            now = self._clock.now()
            due = self._due(now)
            for carrier in {leg.carrier for leg in due}:
                await self._look([leg for leg in due if leg.carrier == carrier], carrier)
            await sleep_until_woken(self._wake, self._clock, self._wait())

    def _legs(self, carrier: str | None = None) -> list[Leg]:
        return [
            leg
            for flight in self._desk.registry
            for leg in flight.legs
            if leg.is_open
            and leg.state is not LegState.RESERVED
            and (carrier is None or leg.carrier == carrier)
        ]

    def _due(self, now: datetime) -> list[Leg]:
        legs = {leg.id: leg for leg in self._legs()}
        for gone in (self._look_at.keys() | self._adopted) - legs.keys():
            self._forget(gone)
        return [leg for leg in legs.values() if self._time_of(leg) <= now]

    def _time_of(self, leg: Leg) -> datetime:
        return min(self._look_at.get(leg.id, leg.resolve_by), leg.resolve_by)

    def _wait(self) -> float:
        """Return the seconds to the next look, at most until a leg sent now could be due."""
        now = self._clock.now()
        times = [(self._time_of(leg) - now).total_seconds() for leg in self._legs()]
        return max(self._spec.claim_spacing, min([*times, self._spec.resolve_after]))

    def _forget(self, leg_id: str) -> None:
        self._look_at.pop(leg_id, None)
        self._looks.pop(leg_id, None)
        self._heard.pop(leg_id, None)
        self._adopted.discard(leg_id)

    async def _look(self, legs: list[Leg], carrier: str) -> None:
        dialer = self._dialers.get(carrier)
        living: Mapping[str, str] = {}
        findings: Mapping[str, Finding] = {}
        reachable = dialer is not None and dialer.status().up
        try:
            async with asyncio.timeout(_LOOK_TIMEOUT):
                if dialer is not None and reachable:
                    living = await dialer.living()
                if dialer is not None:
                    findings = await dialer.findings(legs)
        except (DialError, TimeoutError) as error:
            _log.warning("resolver.look_failed", carrier=carrier, reason=str(error))
            reachable = False
        epoch = dialer.status().boot_epoch if dialer is not None else ""
        newest = {leg.id: leg for leg in self._legs(carrier)}
        for leg in legs:
            if newest.get(leg.id) == leg:
                self._judge(leg, living, findings.get(leg.id), epoch if reachable else None)
            elif leg.id in newest:
                self.doubt(leg.id)  # What was heard meanwhile is newer than what was looked up.
        self.on_settled()

    def _judge(
        self, leg: Leg, living: Mapping[str, str], finding: Finding | None, epoch: str | None
    ) -> None:
        now = self._clock.now()
        if leg.id in living and leg.id not in self._heard:
            self._adopt(leg, living[leg.id], now)
        elif finding is not None and finding.disposition is not None:
            self._tell(leg, finding, now)
        elif finding is not None and self._is_proved_unplaced(leg, finding):
            text = "proved not placed: the PBX has no trace of it"
            self._desk.settle(leg.id, LegEvent.PROVE_NOT_PLACED, text=text)
            self._forget(leg.id)
        else:
            self._wait_or_give_up(leg, epoch, now)

    def _is_proved_unplaced(self, leg: Leg, finding: Finding) -> bool:
        unheard = leg.state in _MAY_BE_UNPLACED and leg.id not in self._heard
        return finding.placed is False and unheard

    def _adopt(self, leg: Leg, channel: str, now: datetime) -> None:
        self._look_at.pop(leg.id, None)
        self._looks.pop(leg.id, None)
        self._adopted.add(leg.id)
        later = now + timedelta(seconds=self._spec.resolve_after)
        self._desk.note(
            leg.id,
            "adopted",
            "still alive at the PBX: taken over",
            channel=channel or leg.channel,
            resolve_by=max(leg.resolve_by, later),
        )

    def _tell(self, leg: Leg, finding: Finding, now: datetime) -> None:
        """Apply what evidence says as if it had been heard, in its order."""
        told: list[tuple[CallNews, datetime]] = []
        if finding.answered_at:
            told.append((CallNews.ANSWERED, finding.answered_at))
        if finding.connected_at:
            told.append((CallNews.CONNECTED, finding.connected_at))
        for news, at in told:
            self._desk.news(CallEvent(leg_id=leg.id, at=at, news=news, evidence=finding.evidence))
        self._desk.news(
            CallEvent(
                leg_id=leg.id,
                at=finding.ended_at or now,
                news=CallNews.ENDED,
                disposition=finding.disposition,
                evidence=finding.evidence,
            )
        )
        self._forget(leg.id)

    def _wait_or_give_up(self, leg: Leg, epoch: str | None, now: datetime) -> None:
        """Look again a few times while that can help; then nobody will ever know."""
        looks = self._looks.get(leg.id, 0) + 1
        self._looks[leg.id] = looks
        if epoch is None and now < leg.resolve_by:
            self._look_at[leg.id] = leg.resolve_by
            return
        if looks < self._spec.looks and epoch is not None:
            again = now + timedelta(seconds=self._spec.settle)
            self._look_at[leg.id] = again
            if leg.resolve_by <= now:
                self._desk.note(leg.id, "waits", "no trace of it yet", resolve_by=again)
            return
        if leg.id in self._heard:
            self._desk.news(self._heard[leg.id])
            self._forget(leg.id)
            return
        self._desk.settle(
            leg.id,
            LegEvent.GIVE_UP,
            text="nobody can tell what became of it: counted as attempted",
            disposition=Disposition.UNRESOLVED,
            evidence=Evidence(source="resolver"),
        )
        self._forget(leg.id)
