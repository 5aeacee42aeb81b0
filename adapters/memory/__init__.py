"""In-memory dialer, store and clock: real implementations, shipped."""

from adapters.memory.clock import ManualClock
from adapters.memory.dialer import MemoryDialer
from adapters.memory.store import MemoryStore

__all__ = ["ManualClock", "MemoryDialer", "MemoryStore"]
