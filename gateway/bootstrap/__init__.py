"""The composition root: the only place that builds objects from settings."""

from gateway.bootstrap.root import Kairos

__all__ = ["Kairos"]
