"""/v1/facilities/{id}/revisions: what became of a place, when and by whom."""

from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, StrictInt

from services.facilities.fields import FacilityFields, content_document
from services.facilities.http.parts import UNKNOWN, Writer, database
from services.facilities.store import revisions
from services.facilities.store.revisions import Revision
from shared.contracts.events import FacilityChange
from shared.web.fields import Body

PAGE: Final = 50
"""A year of weekly updates."""

router = APIRouter(prefix="/v1/facilities/{facility_id}/revisions")


class RevisionAnswer(Body):
    """One revision: who made it, which fields differ from the one before, and the content that it left.

    merged_into: the place that it was then known to be; `fields` names it where that began or ended.
    """

    revision: StrictInt
    change: FacilityChange
    changed_at: AwareDatetime
    changed_by: UUID
    organisation: UUID | None
    role: str
    fields: list[str]
    merged_into: UUID | None
    content: FacilityFields


class RevisionPage(Body):
    """Revisions, the latest first; `below` leads to the older ones and is null when there are none."""

    items: list[RevisionAnswer]
    below: int | None


@router.get("", responses={200: {"model": RevisionPage}, 404: UNKNOWN})
async def list_revisions(
    request: Request,
    facility_id: UUID,
    principal: Writer,
    below: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """The history of a place, for those who keep places in its area."""
    async with database(request) as connection:
        found = await revisions.revisions(connection, facility_id, principal.area, below, PAGE + 1)
    shown = found[:PAGE]
    return JSONResponse(
        {
            "items": [_document(one, found[index + 1 : index + 2]) for index, one in enumerate(shown)],
            "below": shown[-1].revision if len(found) > PAGE else None,
        }
    )


def _document(one: Revision, before: Sequence[Revision]) -> dict[str, Any]:
    content = content_document(one.content)
    former = content_document(before[0].content) if before else {}
    fields = [field for field, value in content.items() if former.get(field) != value]
    if before and before[0].merged_into != one.merged_into:
        fields.append("merged_into")
    return {
        "revision": one.revision,
        "change": one.change,
        "changed_at": one.changed_at.isoformat().replace("+00:00", "Z"),
        "changed_by": str(one.changed_by),
        "organisation": one.organisation and str(one.organisation),
        "role": one.role,
        "fields": fields,
        "merged_into": one.merged_into and str(one.merged_into),
        "content": content,
    }
