"""The command line of Kairos."""

from __future__ import annotations

import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command that was typed; the process ends with its exit code."""
    from gateway.cli.app import run  # noqa: PLC0415 -- nothing is loaded before it is needed
    from gateway.cli.root import Root  # noqa: PLC0415

    def root() -> Root:
        from gateway.bootstrap import Kairos  # noqa: PLC0415 -- --help needs no database driver

        return Kairos()

    code = run(root)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is over: one more Ctrl-C changes nothing
    sys.exit(code)
