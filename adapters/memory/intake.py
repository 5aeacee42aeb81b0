"""Taking callbacks into memory: all of a call or, where a constraint is broken, none."""

from __future__ import annotations

from dataclasses import replace

from adapters.memory.shelves import Shelves
from gateway.domain.change import Added, NewCallback
from gateway.domain.errors import Conflict
from gateway.domain.machine import TERMINAL_CALLBACK_STATES
from gateway.domain.merge import Serving
from gateway.domain.model import Callback, Contact, Step

__all__ = ["Batch"]


class Batch:
    """What one call is to add; nothing is kept before :meth:`write`."""

    def __init__(self, rows: Shelves) -> None:
        self._rows = rows
        self._contacts: dict[str, Contact] = {}
        self._callbacks: dict[str, Callback] = {}
        self._keys: dict[str, str] = {}
        self._merged_keys: dict[str, str] = {}
        self._steps: list[Step] = []
        self._serving = Serving()
        self._learned: set[str] = set()

    def take(self, entry: NewCallback) -> Added:
        """Judge one entry; raises Conflict."""
        key = entry.callback.idempotency_key
        known = self._known(key) if key else None
        if known is not None:
            return Added(callback_id=known, merged=True)
        contact_id = self._settle(entry.contact, known=entry.known)
        self._learn(contact_id)
        callback = replace(entry.callback, contact_id=contact_id)
        step = self._serving.serve(replace(entry, callback=callback))
        if step is not None:
            self._steps.append(step)
            if key:
                self._merged_keys[key] = step.callback_id
            return Added(callback_id=step.callback_id, merged=True)
        if callback.id in self._callbacks:
            raise Conflict(f"callback {callback.id} exists already")
        self._rows.check_new(callback)
        self._callbacks[callback.id] = callback
        if key:
            self._keys[key] = callback.id
        self._steps += entry.steps
        return Added(callback_id=callback.id)

    def _known(self, key: str) -> str | None:
        rows = self._rows
        for known in (self._keys, self._merged_keys, rows.by_idempotency_key, rows.merged_keys):
            if key in known:
                return known[key]
        return None

    def _settle(self, contact: Contact, *, known: bool) -> str:
        """Return the id to use, and note the contact where it must be written."""
        new, stored = self._contacts, self._rows.contacts
        if known and (contact.id in new or contact.id in stored):
            return contact.id
        if contact.id not in new and contact.id not in stored and contact.numbers:
            first = contact.numbers[0].e164
            same = {one.id for one in new.values() if one.numbers and one.numbers[0].e164 == first}
            same |= self._rows.contacts_by_first_number(first) - new.keys()
            if same:
                return min(same)
        new[contact.id] = contact
        return contact.id

    def _learn(self, contact_id: str) -> None:
        """Look once for the open callbacks that a contact has already."""
        if contact_id in self._learned:
            return
        self._learned.add(contact_id)
        self._serving.learn(
            (contact_id, one.queue, one.id, one.deadline)
            for one in self._rows.callbacks_of(contact_id)
            if one.state not in TERMINAL_CALLBACK_STATES
            and not (one.cancel_requested or one.answered_late)
        )

    def write(self) -> bool:
        """Keep all of it; tells whether the journal grew. Raises Conflict before anything is."""
        rows = self._rows
        rows.check_steps(self._steps, rows.callbacks.keys() | self._callbacks.keys())
        for contact in self._contacts.values():
            rows.put_contact(contact)
        for callback in self._callbacks.values():
            rows.put_callback(callback)
        rows.merged_keys.update(self._merged_keys)
        rows.put_steps(self._steps)
        return bool(self._steps)
