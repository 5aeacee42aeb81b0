"""The world's telephone numbers."""

from adapters.numbering.plan import PhoneNumberPlan

__all__ = ["PhoneNumberPlan"]
