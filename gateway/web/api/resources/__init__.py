"""Every operation of the API, one module for each kind of thing."""

from __future__ import annotations

from typing import Final

from gateway.web.api.operation import Operation
from gateway.web.api.resources import (
    batch,
    callbacks,
    carriers,
    changing,
    configuration,
    contacts,
    counts,
    do_not_call,
    events,
    holds,
    keys,
    queues,
    stream,
    webhooks,
    why,
)

__all__ = ["OPERATIONS"]

OPERATIONS: Final[tuple[Operation, ...]] = (
    *batch.OPERATIONS,
    *callbacks.OPERATIONS,
    *changing.OPERATIONS,
    *contacts.OPERATIONS,
    *do_not_call.OPERATIONS,
    *events.OPERATIONS,
    *queues.OPERATIONS,
    *carriers.OPERATIONS,
    *holds.OPERATIONS,
    *why.OPERATIONS,
    *counts.OPERATIONS,
    *configuration.OPERATIONS,
    *keys.OPERATIONS,
    *webhooks.OPERATIONS,
    *stream.OPERATIONS,
)
"""Every operation there is."""
