"""Versions of what has no version of its own, made from what is shown."""

from __future__ import annotations

import hashlib
import zlib
from typing import Final

from pydantic import BaseModel

__all__ = ["joint_version", "version_in", "version_of"]

_LARGEST: Final = 10**17
_SHARE: Final = 10**8


def version_of(shown: BaseModel) -> int:
    """Make a version from the content as it is shown; it differs when that does."""
    digest = hashlib.blake2b(shown.model_dump_json().encode(), digest_size=8).digest()
    return int.from_bytes(digest) % _LARGEST + 1


def joint_version(version: int, part: BaseModel) -> int:
    """Join a counted version with the content of a part that changes on its own."""
    return version * _SHARE + zlib.crc32(part.model_dump_json().encode()) % _SHARE


def version_in(joint: int) -> int:
    """Return the counted version in a joint one."""
    return joint // _SHARE
