"""/v1/trainings/courses/{course_id}/materials and /v1/trainings/files: what a course is taught with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, HttpUrl
from starlette.requests import Request

from services.registration.http.refusals import not_found, unknown_field
from services.registration.http.texts import Title
from services.registration.http.trainings.callers import Anybody, Service, Writer
from services.registration.http.trainings.courses import demand_readable
from services.registration.http.uploads import UploadAnswer, download, publish
from services.registration.settings import MATERIAL_BYTES
from services.registration.store.published import UnknownFileId
from services.registration.store.trainings.courses import UnknownTraining
from services.registration.store.trainings.materials import NewMaterial
from shared.contracts.events import UtcTime
from shared.web.fields import Body

router = APIRouter(prefix="/v1/trainings", tags=["trainings"])


class MaterialBody(Body):
    """A material: a link or an uploaded file. With `material_id` it is the next version of that one."""

    title: Title
    link: HttpUrl | None = Field(default=None, max_length=500)
    file: UUID | None = None
    valid_from: UtcTime | None = None
    material_id: UUID | None = None


class MaterialVersion(BaseModel):
    """The version of a material that was added."""

    material_id: UUID
    version: int


class MaterialAnswer(MaterialVersion):
    """A version of a material; `current` is the one to teach from now. A file is at .../versions/{version}/file."""

    title: str
    link: str | None
    media_type: str | None
    size: int | None
    valid_from: datetime
    current: bool


# The next two are open without a token for the public's courses, as the list of courses is.
@router.get("/courses/{course_id}/materials")
async def list_materials(course_id: UUID, caller: Anybody, parts: Service) -> Sequence[MaterialAnswer]:
    """List all versions of a course's materials, at most 500; each material's newest first."""
    await demand_readable(parts, course_id, caller)
    return [
        MaterialAnswer.model_validate({**row, "current": bool(row["current"])})
        for row in await parts.trainings.materials.of_course(course_id, now=parts.clock.now())
    ]


@router.get("/courses/{course_id}/materials/{material_id}/versions/{version}/file")
async def read_material(
    course_id: UUID, material_id: UUID, version: Annotated[int, Field(ge=1, le=10_000)], caller: Anybody, parts: Service
) -> Response:
    """Give the file of a version, also of an old one."""
    await demand_readable(parts, course_id, caller)
    try:
        file_id = await parts.trainings.materials.file(course_id, material_id, version)
    except UnknownTraining:
        raise not_found() from None
    media_type, content = await parts.published.read(file_id)
    return download(content, media_type=media_type, name=f"material-{material_id}-{version}", private=False)


@router.post("/files", status_code=201)
async def upload_file(request: Request, caller: Writer, parts: Service) -> UploadAnswer:
    """Upload a file for a material: the body is the file itself (PDF, PNG, JPEG or WebP, 10 MB)."""
    return await publish(request, parts, caller, most=MATERIAL_BYTES)


@router.post("/courses/{course_id}/materials", status_code=201)
async def add_material(course_id: UUID, body: MaterialBody, caller: Writer, parts: Service) -> MaterialVersion:
    """Add a material, or the next version of one, to a course of the caller's area."""
    if (body.link is None) == (body.file is None):
        raise unknown_field("file", "ระบุลิงก์หรือไฟล์อย่างใดอย่างหนึ่ง", "Name either a link or a file", code="link_or_file")
    now = parts.clock.now()
    link = str(body.link) if body.link else None
    new = NewMaterial(body.material_id, body.title, link, body.file, body.valid_from or now)
    try:
        material_id, version = await parts.trainings.materials.add(
            course_id, new, within=caller.area, most=MATERIAL_BYTES, by=caller.subject, now=now
        )
    except UnknownTraining:
        raise not_found() from None
    except UnknownFileId:
        raise unknown_field("file", "ไม่พบไฟล์นี้ โปรดอัปโหลดอีกครั้ง", "There is no such file; upload it again") from None
    return MaterialVersion(material_id=material_id, version=version)
