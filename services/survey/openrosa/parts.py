"""The form among what a phone sends: `multipart/form-data`, of which only the part `xml_submission_file` is kept.

Photographs and recordings are read past as they arrive and are never in memory as a whole nor on the disk: this survey
asks for none. A phone that sends its attachments in several requests says `*isIncomplete*` in all but the last one; the
form stands whole in each, so the first is taken and the others are the same submission again.
"""

from collections.abc import AsyncIterator
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.survey.openrosa.reading import MAX_FORM_BYTES
from shared.web.problems import Message, Problem

FORM_PART: Final = b"xml_submission_file"
MOST_PARTS: Final = 200
"""Collect sends at most a hundred attachments at a time."""

_NOT_MULTIPART: Final = Message("ต้องส่งเป็น multipart/form-data", "Send the form as multipart/form-data")
_MALFORMED: Final = Message("อ่านข้อมูลที่ส่งมาไม่ได้ โปรดส่งอีกครั้ง", "What was sent cannot be read; send it again")
_NO_FORM: Final = Message("ไม่พบแบบสำรวจในข้อมูลที่ส่งมา", "There is no form in what was sent (xml_submission_file)")
_TWO_FORMS: Final = Message("มีแบบสำรวจมากกว่าหนึ่งฉบับ", "There is more than one form in what was sent")
_TOO_LARGE: Final = Message("แบบสำรวจใหญ่เกินกำหนด", "The form is larger than allowed")
_TOO_MANY: Final = Message("มีไฟล์แนบมากเกินไป", "There are too many attachments")


class _Form:
    """Collects the one part."""

    def __init__(self) -> None:
        self.content: bytearray | None = None
        self._parts = 0
        self._taking = False
        self._field = bytearray()
        self._value = bytearray()

    def on_part_begin(self) -> None:
        self._parts += 1
        self._taking = False
        if self._parts > MOST_PARTS:
            raise Problem(413, "too_many_parts", detail=_TOO_MANY)

    def on_header_begin(self) -> None:
        self._field.clear()
        self._value.clear()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self._taking = options.get(b"name") == FORM_PART

    def on_headers_finished(self) -> None:
        if self._taking:
            if self.content is not None:
                raise Problem(400, "two_forms", detail=_TWO_FORMS)
            self.content = bytearray()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._taking and self.content is not None:
            self.content += data[start:end]
            if len(self.content) > MAX_FORM_BYTES:
                raise Problem(413, "too_large", detail=_TOO_LARGE)


async def form_of(content_type: str, body: AsyncIterator[bytes]) -> bytes:
    """The XML of the form. Raises a problem: 400, 413 or 415."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise Problem(415, detail=_NOT_MULTIPART)
    form = _Form()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.on_part_begin,
                "on_header_begin": form.on_header_begin,
                "on_header_field": form.on_header_field,
                "on_header_value": form.on_header_value,
                "on_header_end": form.on_header_end,
                "on_headers_finished": form.on_headers_finished,
                "on_part_data": form.on_part_data,
            },
        )
        async for chunk in body:
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise Problem(400, "malformed", detail=_MALFORMED) from None
    if form.content is None:
        raise Problem(400, "no_form", detail=_NO_FORM)
    return bytes(form.content)
