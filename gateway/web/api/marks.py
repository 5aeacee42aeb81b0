"""What is noted on a request on its way."""

from __future__ import annotations

from typing import Final

from aiohttp import web

__all__ = ["HEADERS", "OPERATION_ID", "REQUEST_ID"]

REQUEST_ID: Final = web.RequestKey("kairos_request_id", str)
"""Names the request in the log and in problems."""
OPERATION_ID: Final = web.RequestKey("kairos_operation_id", str)
"""Which operation it is for."""
HEADERS: Final = web.RequestKey("kairos_headers", dict[str, str])
"""Headers of the answer that are decided on the way in."""
