"""What came of reading the configuration again."""

from __future__ import annotations

from config.changes import ReloadResult
from gateway.web.api.schema import Out

__all__ = ["Reloaded"]


class Reloaded(Out):
    """What came of reading the configuration again. With `problems` nothing was changed."""

    applied: list[str]
    """Keys whose new value is in force."""
    needs_restart: list[str]
    """Keys that keep their old value until the service is started again."""
    problems: list[str]
    """Mistakes, in sentences; with any the service goes on as it was."""
    warnings: list[str]
    """What works and should be otherwise, in sentences."""

    @classmethod
    def of(cls, result: ReloadResult) -> Reloaded:
        """Translate."""
        return cls(
            applied=list(result.applied),
            needs_restart=list(result.needs_restart),
            problems=list(result.problems),
            warnings=list(result.warnings),
        )
