"""Every operation of the API, one module for each kind of thing."""

from __future__ import annotations

from typing import Final

from gateway.web.api.operation import Operation
from gateway.web.api.resources import counts

__all__ = ["OPERATIONS"]

OPERATIONS: Final[tuple[Operation, ...]] = (*counts.OPERATIONS,)
"""Every operation there is."""
