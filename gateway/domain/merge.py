"""When a request is served by a callback that is open already."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gateway.domain.change import NewCallback
from gateway.domain.machine import TERMINAL_CALLBACK_STATES
from gateway.domain.model import Callback, Step

__all__ = ["Serving"]


class Serving:
    """The open callbacks that further requests may be merged into, by contact and queue.

    One whose cancellation was requested serves nobody, nor does one whose contact was reached
    otherwise or whose deadline has passed when the request is made: it would be lost with it.
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
        if deadline is None or deadline <= callback.requested_at or name == callback.id:
            self.learn([(callback.contact_id, callback.queue, callback.id, callback.deadline)])
            return None
        return _asked_again(name, callback, entry.steps)


def _asked_again(callback_id: str, request: Callback, steps: tuple[Step, ...]) -> Step:
    source = request.source
    return Step(
        callback_id=callback_id,
        at=steps[0].at if steps else request.requested_at,
        kind="merged",
        text=f"asked again ({source})" if source else "asked again",
        data={"source": source, "requested_at": request.requested_at.isoformat()},
    )
