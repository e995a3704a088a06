"""/v1/problems/{problem_id}/attachments: screenshots."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel
from starlette.requests import Request

from services.registration.files import PICTURES
from services.registration.http.problems.callers import Raiser, Service, viewer_of
from services.registration.http.refusals import not_found
from services.registration.http.uploads import download, read_upload
from services.registration.settings import SCREENSHOT_BYTES
from services.registration.store.problems.viewers import UnknownProblem

router = APIRouter(prefix="/v1/problems/{problem_id}/attachments", tags=["problems"])


class AttachmentAnswer(BaseModel):
    """A screenshot; its bytes are at /v1/problems/{problem_id}/attachments/{attachment_id}."""

    attachment_id: UUID
    media_type: str
    size: int


@router.post("", status_code=201)
async def attach_screenshot(problem_id: UUID, request: Request, caller: Raiser, parts: Service) -> AttachmentAnswer:
    """Add a screenshot to a ticket of the caller's own: the body is the file itself (PNG, JPEG or WebP, 2 MB)."""
    kind, content = await read_upload(request, kinds=PICTURES, most=SCREENSHOT_BYTES)
    try:
        attachment_id = await parts.problems.attachments.add(
            problem_id, viewer_of(caller), media_type=kind.media_type, content=content, now=parts.clock.now()
        )
    except UnknownProblem:
        raise not_found() from None
    return AttachmentAnswer(attachment_id=attachment_id, media_type=kind.media_type, size=len(content))


@router.get("/{attachment_id}")
async def read_screenshot(problem_id: UUID, attachment_id: UUID, caller: Raiser, parts: Service) -> Response:
    """Give a screenshot to those who may see its ticket."""
    try:
        media_type, content = await parts.problems.attachments.read(
            problem_id, attachment_id, viewer_of(caller), now=parts.clock.now()
        )
    except UnknownProblem:
        raise not_found() from None
    return download(content, media_type=media_type, name=f"problem-{attachment_id}", private=True)
