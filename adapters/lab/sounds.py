"""The sounds of the lab, made here: a word, an answering machine's greeting, music.

Speech is imitated by bursts of a buzzing tone, which is all that answering
machine detection looks at (loud and quiet stretches). Files are raw 8 kHz
mu-law, so that no call needs transcoding.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

_RATE: Final = 8000
_BIAS: Final = 0x84
_CLIP: Final = 32635


def _ulaw(sample: int) -> int:
    """Encode one 16-bit linear sample (ITU-T G.711 mu-law)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = max(magnitude.bit_length() - 8, 0)
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF


def _burst(seconds: float, pitch: float, loudness: int = 9000) -> bytes:
    def sample(n: int) -> int:
        wave = sum(math.sin(2 * math.pi * pitch * k * n / _RATE) / k for k in (1, 2, 3))
        return int(loudness * wave / 2)

    return bytes(_ulaw(sample(n)) for n in range(int(seconds * _RATE)))


def _quiet(seconds: float) -> bytes:
    return b"\xff" * int(seconds * _RATE)


def write_sounds(folder: Path) -> None:
    """Write ``hello``, ``greeting`` (about 10 s) and ``music/hold`` into ``folder``."""
    (folder / "music").mkdir(parents=True, exist_ok=True)
    hello = _quiet(0.1) + _burst(0.45, 180)
    word = _burst(0.35, 150) + _quiet(0.12) + _burst(0.3, 170) + _quiet(0.15)
    (folder / "hello.ulaw").write_bytes(hello)
    (folder / "greeting.ulaw").write_bytes(_quiet(0.1) + word * 11)
    chord = b"".join(_burst(0.5, pitch, 3000) for pitch in (262, 330, 392, 330))
    (folder / "music" / "hold.ulaw").write_bytes(chord * 5)
