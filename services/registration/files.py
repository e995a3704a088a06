"""What a file is, found from its bytes: neither its name nor what the sender says about it is believed.

Only four kinds are taken: pictures of a screen (PNG, JPEG, WebP) and PDF. Nothing is decoded here; a picture's size is
read from its head, so that one of a few kilobytes that would unpack to gigabytes is not handed to anybody's browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_SIDE: Final = 10_000
"""Pixels. A long page captured on a phone is 1,440 wide and some 8,000 high."""
MAX_PIXELS: Final = 40_000_000
"""A large monitor at twice the density has 15 million; 40 million unpack to 160 MB, which an old phone still bears."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers, which hold the size: C0 to CF without the tables C4, C8 and CC.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PDF_TRAILER: Final = 1024  # readers look for the end mark in the last kilobyte


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file: its media type and the ending by which people's computers know it."""

    media_type: str
    ending: str


PNG: Final = FileKind("image/png", "png")
JPEG: Final = FileKind("image/jpeg", "jpg")
WEBP: Final = FileKind("image/webp", "webp")
PDF: Final = FileKind("application/pdf", "pdf")
PICTURES: Final = frozenset({PNG, JPEG, WEBP})
KINDS: Final = {kind.media_type: kind for kind in (PNG, JPEG, WEBP, PDF)}


class UnknownFile(Exception):
    """The bytes are of no kind that is taken; `code` is one of unknown_kind, damaged, too_many_pixels."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def kind_of(content: bytes) -> FileKind:
    """Say what `content` is. Raises `UnknownFile`, also for a picture whose size cannot be read or is out of bounds."""
    if content.startswith(b"%PDF-"):
        if b"%%EOF" not in content[-_PDF_TRAILER:]:
            raise UnknownFile("damaged")
        return PDF
    if content.startswith(_PNG):
        kind, size = PNG, _png_size(content)
    elif content.startswith(b"\xff\xd8\xff"):
        kind, size = JPEG, _jpeg_size(content)
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind, size = WEBP, _webp_size(content)
    else:
        raise UnknownFile("unknown_kind")
    if size is None or 0 in size:
        raise UnknownFile("damaged")
    width, height = size
    if max(size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise UnknownFile("too_many_pixels")
    return kind


def _png_size(content: bytes) -> tuple[int, int] | None:
    if len(content) < 33 or content[12:16] != b"IHDR":
        return None
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(content):
        if content[place] != 0xFF:
            return None
        marker = content[place + 1]
        if marker == 0xFF:  # fill bytes may stand before a marker
            place += 1
            continue
        if marker in _FRAMES:
            return int.from_bytes(content[place + 7 : place + 9]), int.from_bytes(content[place + 5 : place + 7])
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            place += 2
            continue
        if marker in (0xD9, 0xDA):  # the picture begins or ends, and no size was told
            return None
        length = int.from_bytes(content[place + 2 : place + 4])
        if length < 2:
            return None
        place += 2 + length
    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    form, data = content[12:16], content[20:30]
    if len(data) < 10:
        return None
    if form == b"VP8X":
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if form == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    if form == b"VP8L" and data[0] == 0x2F:
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None
