"""Every operation of the API, one module for each kind of thing."""

from __future__ import annotations

from typing import Final

from gateway.web.api.resources.batch import OPERATIONS as _BATCH
from gateway.web.api.resources.callbacks import OPERATIONS as _CALLBACKS
from gateway.web.api.resources.carriers import OPERATIONS as _CARRIERS
from gateway.web.api.resources.changing import OPERATIONS as _CHANGING
from gateway.web.api.resources.configuration import OPERATIONS as _CONFIGURATION
from gateway.web.api.resources.contacts import OPERATIONS as _CONTACTS
from gateway.web.api.resources.counts import OPERATIONS as _COUNTS
from gateway.web.api.resources.do_not_call import OPERATIONS as _DO_NOT_CALL
from gateway.web.api.resources.events import OPERATIONS as _EVENTS
from gateway.web.api.resources.holds import OPERATIONS as _HOLDS
from gateway.web.api.resources.keys import OPERATIONS as _KEYS
from gateway.web.api.resources.queues import OPERATIONS as _QUEUES
from gateway.web.api.resources.stream import OPERATIONS as _STREAM
from gateway.web.api.resources.webhooks import OPERATIONS as _WEBHOOKS
from gateway.web.api.resources.why import OPERATIONS as _WHY

__all__ = ["OPERATIONS"]

OPERATIONS: Final = (
    *_BATCH,
    *_CALLBACKS,
    *_CHANGING,
    *_CONTACTS,
    *_DO_NOT_CALL,
    *_EVENTS,
    *_QUEUES,
    *_CARRIERS,
    *_HOLDS,
    *_WHY,
    *_COUNTS,
    *_CONFIGURATION,
    *_KEYS,
    *_WEBHOOKS,
    *_STREAM,
)
"""Every operation there is."""
