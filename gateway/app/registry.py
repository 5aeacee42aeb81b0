"""The open attempts of this node, in memory; the database holds the same rows."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator

from gateway.domain.model import Flight, Leg, Role

__all__ = ["Registry"]

_REMEMBERED = 20_000


class Registry:
    """Finds flights by leg or callback and counts what is in use.

    Flights that ended are remembered for a while, because news may come after the end.
    ``on_room`` is called whenever a carrier or an agent becomes free.
    """

    def __init__(self, on_room: Callable[[], None] = lambda: None) -> None:
        self.on_room = on_room
        self._flights: dict[str, Flight] = {}
        self._by_leg: dict[str, str] = {}
        self._past: OrderedDict[str, Flight] = OrderedDict()
        self._in_use: Counter[str] = Counter()
        self._agents: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return the number of open flights."""
        return len(self._flights)

    def __iter__(self) -> Iterator[Flight]:
        """Iterate over a snapshot of the open flights."""
        return iter(tuple(self._flights.values()))

    def put(self, flight: Flight) -> None:
        """Keep the newest form of an open flight."""
        before = self._flights.get(flight.callback.id)
        self._flights[flight.callback.id] = flight
        self._count(before, flight)

    def drop(self, flight: Flight) -> None:
        """Let go of a flight whose attempt is closed; late news still finds it."""
        before = self._flights.pop(flight.callback.id, None)
        for leg in flight.legs:
            self._by_leg.pop(leg.id, None)
            self.remember(leg, flight)
        self._count(before, None)

    def remember(self, leg: Leg, flight: Flight) -> None:
        """Keep a closed flight for late news of this leg."""
        self._past[leg.id] = flight
        self._past.move_to_end(leg.id)
        while len(self._past) > _REMEMBERED:
            self._past.popitem(last=False)

    def of_leg(self, leg_id: str) -> Flight | None:
        """Return the open flight of this leg."""
        callback_id = self._by_leg.get(leg_id)
        return None if callback_id is None else self._flights.get(callback_id)

    def of_callback(self, callback_id: str) -> Flight | None:
        """Return the open flight of this callback."""
        return self._flights.get(callback_id)

    def past_of_leg(self, leg_id: str) -> Flight | None:
        """Return the closed flight of this leg if it is still remembered."""
        return self._past.get(leg_id)

    def knows(self, leg_id: str) -> bool:
        """Tell whether this leg is of an open flight or of one that is still remembered."""
        return leg_id in self._by_leg or leg_id in self._past

    def in_use(self, carrier: str) -> int:
        """Return how many calls this carrier is busy with, reserved and coming ones included."""
        return self._in_use[carrier]

    def agent_in_use(self, target: str) -> bool:
        """Tell whether an agent is in one of our calls."""
        return self._agents[target] > 0

    def _count(self, before: Flight | None, after: Flight | None) -> None:
        if before and after and _open(before) == _open(after):
            return  # Most news changes nothing that is counted.
        for sign, flight in ((-1, before), (1, after)):
            for leg in flight.legs if flight else ():
                if sign > 0:
                    self._by_leg[leg.id] = leg.callback_id
                if leg.is_open and leg.role is Role.AGENT:
                    self._agents[leg.target] += sign
            self._in_use.update({name: sign * n for name, n in _lines(flight).items()})
        if before is not None and _lines(after).total() < _lines(before).total():
            self.on_room()


def _lines(flight: Flight | None) -> Counter[str]:
    """Count the calls a flight needs of each carrier; an agent's call will need a second one."""
    lines: Counter[str] = Counter()
    legs = flight.legs if flight else ()
    for leg in legs:
        if leg.is_open:
            lines[leg.carrier] += 1
            if leg.role is Role.AGENT and leg is legs[-1]:
                lines[leg.carrier] += 1
    return lines


def _open(flight: Flight) -> tuple[bool, ...]:
    return tuple(leg.is_open for leg in flight.legs)
