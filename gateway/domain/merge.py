"""When a request is served by a callback that is open already."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gateway.domain.change import NewCallback
from gateway.domain.machine import TERMINAL_CALLBACK_STATES
from gateway.domain.model import Callback, Step

__all__ = ["Serving"]

_TIMES = 2


class Serving:
    """The open callbacks that further requests may be merged into, by contact and queue.

    One whose cancellation was requested serves nobody, nor does one whose contact was reached
    otherwise, nor one that leaves the request less than half of the time it asked for: it would be
    lost with it.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[datetime, str]] = {}

    def learn(self, known: Iterable[tuple[str, str, str, datetime]]) -> None:
        """Take in open callbacks: contact, queue, id, deadline; the latest deadline serves."""
        for contact_id, queue, callback_id, deadline in known:
            place, one = (contact_id, queue), (deadline, callback_id)
            self._found[place] = max(one, self._found.get(place, one))

    def serve(self, entry: NewCallback) -> Step | None:
        """Return the step for the callback that serves this entry too, or None if none does.

        In that case it is taken for new and may serve others. An entry that was closed at once
        neither is served nor serves.
        """
        callback = entry.callback
        if callback.state in TERMINAL_CALLBACK_STATES:
            return None
        deadline, name = self._found.get((callback.contact_id, callback.queue), (None, ""))
        if deadline is None or name == callback.id or not _leaves_time(deadline, callback):
            self.learn([(callback.contact_id, callback.queue, callback.id, callback.deadline)])
            return None
        return _asked_again(name, callback, entry.steps)


def _leaves_time(deadline: datetime, request: Callback) -> bool:
    left, wanted = deadline - request.requested_at, request.deadline - request.requested_at
    return left.total_seconds() > 0 and left * _TIMES >= wanted


def _asked_again(callback_id: str, request: Callback, steps: tuple[Step, ...]) -> Step:
    source = request.source
    return Step(
        callback_id=callback_id,
        at=steps[0].at if steps else request.requested_at,
        kind="merged",
        text=f"asked again ({source})" if source else "asked again",
        data={"source": source, "requested_at": request.requested_at.isoformat()},
    )
