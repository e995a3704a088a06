"""Files in and out: the bytes of a request are judged by what they are, and given back only to be saved."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.registration.files import KINDS, FileKind, UnknownFile, kind_of
from services.registration.http.parts import Parts
from services.registration.settings import UPLOADS_PER_PERSON
from shared.security.principal import Principal
from shared.web.problems import Message, Problem

_MESSAGES = {
    "unknown_kind": Message("ไฟล์ชนิดนี้ใช้ไม่ได้ (ใช้ได้: {kinds})", "This kind of file is not taken (taken are: {kinds})"),
    "damaged": Message("ไฟล์เสียหายหรือไม่ครบ", "This file is damaged or cut off"),
    "too_many_pixels": Message("ภาพมีขนาดใหญ่เกินกำหนด", "This picture has too many pixels"),
}


class UploadAnswer(BaseModel):
    """A published file, by the id under which a material or a directive names it, within a day of its upload."""

    file_id: UUID
    media_type: str
    size: int


async def read_upload(request: Request, *, kinds: Collection[FileKind], most: int) -> tuple[FileKind, bytes]:
    """Read the file that is a request's whole body, of one of `kinds` and at most `most` bytes.

    What the sender calls it does not matter. Raises a problem: 413, 415 for other kinds, 400 for damaged files.
    """
    content = await request.body()
    if len(content) > most:
        raise Problem(413)
    try:
        kind = kind_of(content)
        if kind not in kinds:
            raise UnknownFile("unknown_kind")
    except UnknownFile as error:
        message = _MESSAGES[error.code]
        names = ", ".join(sorted(kind.ending for kind in kinds))
        raise Problem(
            415 if error.code == "unknown_kind" else 400,
            error.code,
            detail=Message(message.th.format(kinds=names), message.en.format(kinds=names)),
        ) from None
    return kind, content


async def publish(request: Request, parts: Parts, caller: Principal, *, most: int) -> UploadAnswer:
    """Take in a document or a picture that is to be used within a day. Raises a problem as `read_upload` does."""
    now = parts.clock.now()
    await parts.throttle.spend(UPLOADS_PER_PERSON, str(caller.subject), now=now)
    kind, content = await read_upload(request, kinds=KINDS.values(), most=most)
    file_id = await parts.published.add(content, media_type=kind.media_type, by=caller.subject, now=now)
    return UploadAnswer(file_id=file_id, media_type=kind.media_type, size=len(content))


def download(content: bytes, *, media_type: str, name: str, private: bool) -> Response:
    """Give a file back to be saved, never to be shown inside our pages, whatever it holds.

    name: without its ending, in ASCII. private: no cache may keep it. Every answer has `nosniff` (shared.web.app).
    """
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}.{KINDS[media_type].ending}"',
            "Cache-Control": "private, no-store" if private else "private, max-age=3600",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
