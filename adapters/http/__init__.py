"""Plain HTTP to places that others chose."""

from adapters.http.messenger import HttpMessenger, Limits

__all__ = ["HttpMessenger", "Limits"]
