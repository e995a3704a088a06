"""Answers as bytes: with the tag by which a client knows that it has them already, and packed where that pays."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from services.reporting.answers import AsOf

PACKED_FROM: Final = 1_400
"""Bytes; what fits one network packet gains nothing."""
ASIDE_FROM: Final = 64 * 1024
"""Bytes; packing more takes milliseconds, in which this process would answer nobody else."""


@dataclass(frozen=True, slots=True)
class Body:
    """content: as it is; packed: by gzip, or None; tag: an ETag, weak since it is the same for both."""

    content: bytes
    packed: bytes | None
    tag: str
    media_type: str
    headers: Mapping[str, str]

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return len(self.content) + len(self.packed or b"")


async def body_of(content: bytes, media_type: str, headers: Mapping[str, str], as_of: AsOf | None) -> Body:
    """Packs and tags an answer. as_of: what it says of its streams."""
    packed = None
    if len(content) >= ASIDE_FROM:
        packed = await asyncio.to_thread(gzip.compress, content, 1, mtime=0)
    elif len(content) >= PACKED_FROM:
        packed = gzip.compress(content, 1, mtime=0)
    return Body(content, packed, _tag(content, as_of or {}), media_type, headers)


def _tag(content: bytes, as_of: AsOf) -> str:
    """The same as long as nothing but the second differs at which the lag was measured: that alone is no news. A
    minute later it is, so that nobody takes an old measurement for a process that stands still."""
    minutes = []
    for stream in as_of.values():
        if stream.lag_measured_at is not None:
            measured = stream.lag_measured_at.isoformat().replace("+00:00", "Z")
            content = content.replace(f'"lag_measured_at":"{measured}"'.encode(), b"")
            minutes.append(measured[:16])
    return f'W/"{sha256(content + "".join(minutes).encode()).hexdigest()[:32]}"'
