"""What the commands read and write, as protocols: beside the running service, or without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.machine import CallbackState
from gateway.domain.model import Callback, Contact, Flight
from gateway.domain.records import ApiKey, Delivery, DoNotCall, Hold, JournalEntry, Scope, Webhook
from gateway.ports import History, Violation

__all__ = ["Desk", "Reader", "Reason"]


class Reader(Protocol):
    """Reads what is kept, beside a running service, without ever writing.

    What each method means is said in the store's port.
    """

    async def history(self, callback_id: str) -> History | None:
        """Return the whole way of one callback; a unique prefix of its id will do."""
        ...

    async def callbacks(
        self,
        *,
        states: Sequence[CallbackState] = (),
        queue: str | None = None,
        contact_id: str | None = None,
        number: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str = "",
        limit: int = 50,
    ) -> Sequence[tuple[Callback, Contact]]:
        """List callbacks by id, newest first, ``after`` an id (keyset cursor)."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """Count callbacks by state."""
        ...

    async def audit(self, now: datetime) -> Sequence[Violation]:
        """Check the invariants over all rows; an empty list means that all hold."""
        ...

    async def open_flights(self, node: str | None = None) -> Sequence[Flight]:
        """Return every flight with an open attempt."""
        ...

    async def contacts(
        self, *, number: str | None = None, after: str = "", limit: int = 50
    ) -> Sequence[Contact]:
        """List contacts by id, newest first."""
        ...

    async def do_not_call_list(self, *, after: str = "", limit: int = 50) -> Sequence[DoNotCall]:
        """List the do-not-call list by number."""
        ...

    async def holds(self) -> Sequence[Hold]:
        """Return what is held, oldest first."""
        ...

    async def keys(self) -> Sequence[ApiKey]:
        """List API keys, oldest first."""
        ...

    async def journal(self, *, after: int, limit: int = 100) -> Sequence[JournalEntry]:
        """Return the journal after a place in it, in order."""
        ...

    async def journal_end(self) -> int:
        """Return the last place in the journal."""
        ...

    async def webhooks(self) -> Sequence[Webhook]:
        """List webhooks, oldest first."""
        ...

    async def deliveries(
        self, webhook_id: str, *, after: str = "", limit: int = 50
    ) -> Sequence[Delivery]:
        """List deliveries of a webhook, newest first."""
        ...


class Reason(Protocol):
    """One reason why nothing is dialing."""

    @property
    def code(self) -> str:
        """For programs; stable."""
        ...

    @property
    def text(self) -> str:
        """For people."""
        ...

    @property
    def remedy(self) -> str:
        """What to do about it; may be empty."""
        ...


class Desk(Protocol):
    """What can be done: through the service that runs, or by owning the data for the moment.

    Ids are whole ones, numbers E.164, instants UTC. Every method may raise NotFound, NotNow,
    BadInput, Conflict and StoreUnavailable; all is durable on return.
    """

    @property
    def running(self) -> bool:
        """Whether a service runs, which does it."""
        ...

    async def cancel(self, callback_id: str, *, reason: str) -> None:
        """Call a callback off."""
        ...

    async def reschedule(
        self, callback_id: str, at: datetime, *, ignore_preferred: bool = False
    ) -> None:
        """Plan the next attempt for a time."""
        ...

    async def call_now(self, callback_id: str, *, ignore_preferred: bool = False) -> None:
        """Make a callback due at once."""
        ...

    async def stop_all(self, *, reason: str) -> None:
        """Send nothing any more."""
        ...

    async def hold_queue(self, queue: str, *, reason: str) -> None:
        """Send nothing of one queue."""
        ...

    async def resume(self, target: str) -> bool:
        """Lift a hold; False if there was none."""
        ...

    async def block(self, number: str, *, reason: str) -> None:
        """Put a number on the do-not-call list."""
        ...

    async def allow(self, number: str) -> bool:
        """Take a number off the list; False if it was not on it."""
        ...

    async def add_key(self, *, name: str, scope: Scope, expires_at: datetime | None) -> str:
        """Make an API key; returns what is sent as it, which is known to nobody else."""
        ...

    async def revoke_key(self, key_id: str) -> bool:
        """Revoke a key; False if there is none or it was revoked before."""
        ...

    async def why(self, *, queue: str | None, callback_id: str | None) -> Sequence[Reason]:
        """Tell what stands against a call now; empty if nothing does."""
        ...
