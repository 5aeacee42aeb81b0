"""Errors of the lab; each says why and what to do."""

from __future__ import annotations


class LabUnavailable(RuntimeError):
    """The lab cannot run here. ``reason`` says why, ``remedy`` what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}. {remedy}")
        self.reason = reason
        self.remedy = remedy
