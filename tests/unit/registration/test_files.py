"""Files are what their bytes say."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.files import JPEG, MAX_SIDE, PDF, PNG, WEBP, FileKind, UnknownFile, kind_of


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + width.to_bytes(4) + height.to_bytes(4) + bytes(9)


def jpeg(width: int, height: int, before: bytes = b"\xff\xe0\0\x10" + bytes(14)) -> bytes:
    frame = b"\xff\xc2\0\x11\x08" + height.to_bytes(2) + width.to_bytes(2) + bytes(10)
    return b"\xff\xd8" + before + b"\xff" + frame  # a fill byte stands before the marker


def webp(form: bytes, data: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + form + len(data).to_bytes(4, "little") + data


def webp_of(width: int, height: int) -> list[bytes]:
    little = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return [
        webp(b"VP8X", bytes(4) + little),
        webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")),
        webp(b"VP8L", b"\x2f" + ((height - 1) << 14 | (width - 1)).to_bytes(4, "little") + bytes(5)),
    ]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (png(1440, 8000), PNG),
        (jpeg(4000, 3000), JPEG),
        *((content, WEBP) for content in webp_of(1080, 2400)),
        (b"%PDF-1.7\n...\n%%EOF\n", PDF),
    ],
)
def test_known_kinds(content: bytes, kind: FileKind) -> None:
    assert kind_of(content) is kind


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unknown_kind"),
        (b"GIF89a" + bytes(50), "unknown_kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unknown_kind"),
        (b"MZ" + bytes(100), "unknown_kind"),
        (b"<!--" + png(1, 1), "unknown_kind"),
        (png(1, 1)[:30], "damaged"),
        (png(0, 5), "damaged"),
        (b"\xff\xd8\xff\xda" + bytes(40), "damaged"),
        (b"\xff\xd8\xff\xe0\0\0" + bytes(40), "damaged"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "damaged"),
        (b"%PDF-1.7 cut", "damaged"),
        (png(MAX_SIDE + 1, 1), "too_many_pixels"),
        (jpeg(9000, 9000), "too_many_pixels"),
        (webp_of(10_000, 9_000)[0], "too_many_pixels"),
    ],
)
def test_what_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(UnknownFile) as refused:
        kind_of(content)
    assert refused.value.code == code


@given(st.sampled_from([png(3, 3), jpeg(3, 3), *webp_of(3, 3), b""]), st.binary(max_size=60), st.integers(0, 60))
def test_no_bytes_break_it(start: bytes, rest: bytes, cut: int) -> None:
    with suppress(UnknownFile):
        assert kind_of(start[:cut] + rest) in (PNG, JPEG, WEBP, PDF)
