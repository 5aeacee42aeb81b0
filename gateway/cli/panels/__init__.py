"""The commands by group: one module for each, a panel in ``kairos --help``.

Here is what commands are called, what they take and what they say about themselves; what they do
is in the modules beside this package.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Panel"]


class Panel(StrEnum):
    """The groups, in the order of the help."""

    TRY = "Try it"
    RUN = "Run it"
    CALLBACKS = "Callbacks"
    OPERATE = "Operate"
    DATA = "Data"
    CONFIGURATION = "Configuration"
