"""The machine's own clock and source of chance."""

from adapters.system.clock import SystemClock
from adapters.system.ids import RandomIds

__all__ = ["RandomIds", "SystemClock"]
