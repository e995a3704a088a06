"""/v1/transfers: which personal data left the system, to whom, in which form."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from services.survey.desk.http.parts import AreaText, CursorText, area_of, database, read_moment, write_moment
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require

PAGE_SIZE: Final = 100

router = APIRouter(prefix="/v1/transfers", tags=["personal data"])

LIST: Final = """
SELECT id, at, recipient, role, area, what, cardinality(households) AS households
FROM transfer
WHERE starts_with(area, $1) AND ($2::timestamptz IS NULL OR (at, id) < ($2, $3))
ORDER BY at DESC, id DESC
LIMIT $4
"""


class Transfer(BaseModel):
    """One file with personal data. recipient: of a citizen the hash of his phone; households: how many are in it."""

    at: datetime
    recipient: UUID
    role: str
    area: str
    what: str
    households: int


class Transfers(BaseModel):
    """A page of transfers, the latest first; `cursor` leads to the next and is null on the last."""

    items: list[Transfer]
    cursor: str | None


@router.get("")
async def listed(
    request: Request,
    caller: Annotated[Principal, Depends(require(Right.PRIVACY_WORK))],
    area: AreaText = None,
    cursor: CursorText = None,
) -> Transfers:
    """List what was handed over of an area: copies to those whom it is about, and tables of readings."""
    code = area_of(caller, area, least=0)
    before, last = read_moment(cursor) if cursor else (None, UUID(int=0))
    async with database(request) as connection:
        rows = await connection.fetch(LIST, code, before, min(last.int, 2**63 - 1), PAGE_SIZE + 1)
    kept = rows[:PAGE_SIZE]
    more = write_moment(kept[-1]["at"], UUID(int=kept[-1]["id"])) if rows[PAGE_SIZE:] else None
    items = [Transfer(**{name: row[name] for name in Transfer.model_fields}) for row in kept]
    return Transfers(items=items, cursor=more)
