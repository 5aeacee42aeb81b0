"""What is on its way to one webhook, in memory: in order for each callback, bounded."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from gateway.domain.records import Delivery, Webhook

__all__ = ["Lane"]

_DOUBTFUL_AFTER: Final = 5


class Lane:
    """The open deliveries of one webhook, and which may be sent now.

    Deliveries about one callback go one after the other: the next one when the one before was
    taken or given up. ``in_flight`` bounds how many are sent at once; a receiver that failed five
    times in a row gets one at a time until it takes one.
    """

    def __init__(self, webhook: Webhook, *, in_flight: int) -> None:
        self.webhook = webhook
        self.cursor = webhook.cursor
        self.kept_cursor = webhook.cursor
        self.failing_since: datetime | None = None
        self.past_known = False
        """Whether ``failing_since`` reflects what was before this process started."""
        self._in_flight = in_flight
        self._open: dict[str, Delivery] = {}
        self._threads: dict[str, dict[str, int]] = {}
        self._thread_of: dict[str, str] = {}
        self._flying: dict[str, str] = {}
        self._heads: list[tuple[datetime, int, str]] = []
        self._streak = 0
        self._paused_until: datetime | None = None

    def __len__(self) -> int:
        return len(self._open)

    def put(self, delivery: Delivery) -> None:
        """Keep an open delivery, new or changed; one that is being sent stays as it is."""
        if delivery.id in self._flying:
            return
        if delivery.next_at is None:
            self.forget(delivery.id)
            return
        if delivery.id not in self._open:
            thread = _thread(delivery)
            self._thread_of[delivery.id] = thread
            self._threads.setdefault(thread, {})[delivery.id] = delivery.entry_id
        self._open[delivery.id] = delivery
        if self._head(self._thread_of[delivery.id]) == delivery.id:
            self._offer(self._thread_of[delivery.id])

    def forget(self, delivery_id: str) -> None:
        """Let go of a delivery: it is over."""
        self._flying.pop(delivery_id, None)
        if self._open.pop(delivery_id, None) is None:
            return
        thread = self._thread_of.pop(delivery_id)
        del self._threads[thread][delivery_id]
        if self._threads[thread]:
            self._offer(thread)
        else:
            del self._threads[thread]

    def agree(self, stored: Iterable[Delivery], finished: frozenset[str]) -> None:
        """Take over what is stored as open; ``finished`` ended while that was looked up."""
        known = {one.id: one for one in stored}
        for gone in self._open.keys() - known.keys() - self._flying.keys():
            self.forget(gone)
        for one in known.values():
            if one.id not in finished and self._open.get(one.id) != one:
                self.put(one)

    def take(self, now: datetime) -> Delivery | None:
        """Return a delivery to send now, which counts as being sent until it is settled."""
        if self.is_full or (self._paused_until and now < self._paused_until):
            return None
        while self._heads and self._heads[0][0] <= now:
            at, _, delivery_id = heapq.heappop(self._heads)
            delivery = self._open.get(delivery_id)
            thread = self._thread_of.get(delivery_id, "")
            if (
                delivery is not None
                and delivery.next_at == at
                and thread not in self._flying.values()
                and self._head(thread) == delivery_id
            ):
                self._flying[delivery_id] = thread
                return delivery
        return None

    def next_at(self) -> datetime | None:
        """Return when something may be due; what is being sent wakes us by itself."""
        if not self._heads:
            return None
        first = self._heads[0][0]
        return max(first, self._paused_until) if self._paused_until else first

    def settle(self, delivery: Delivery) -> None:
        """Take in what became of a try."""
        self._flying.pop(delivery.id, None)
        if delivery.next_at is None:
            self.forget(delivery.id)
        elif delivery.id in self._open:
            self._open[delivery.id] = delivery
            self._offer(self._thread_of[delivery.id])

    def took(self) -> None:
        """Note that the receiver took something."""
        self._streak = 0
        self.failing_since = None
        self.past_known = True

    def failed(self, now: datetime, asked: float | None) -> None:
        """Note that the receiver failed; ``asked``: the seconds it wants to be left alone."""
        self._streak += 1
        if asked:
            self._paused_until = now + timedelta(seconds=asked)

    @property
    def is_full(self) -> bool:
        """Whether nothing can be started until something settles."""
        most = 1 if self._streak >= _DOUBTFUL_AFTER else self._in_flight
        return len(self._flying) >= most

    def _head(self, thread: str) -> str:
        members = self._threads[thread]
        return min(members, key=lambda one: (members[one], one))

    def _offer(self, thread: str) -> None:
        """Note when the first of a thread is due."""
        head = self._open[self._head(thread)]
        if head.next_at is not None:
            heapq.heappush(self._heads, (head.next_at, head.entry_id, head.id))


def _thread(delivery: Delivery) -> str:
    """Return what a delivery must keep its order in: the callback, or itself alone."""
    try:
        data = json.loads(delivery.body)["data"]
        return str(data.get("callback_id") or delivery.id)
    except (ValueError, KeyError, TypeError, AttributeError):
        return delivery.id
