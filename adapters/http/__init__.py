"""Plain HTTP to places that others chose."""

from adapters.http.messenger import HttpMessenger

__all__ = ["HttpMessenger"]
