"""/v1/notices: what people are told before they are asked, and how often which version was shown."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from services.survey.desk.http.parts import AreaText, area_of, database, language, now_of
from services.survey.privacy.notices import NOTICES, Notice, current
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require

router = APIRouter(prefix="/v1/notices", tags=["personal data"])

# By the households' ids, which begin with the area's code.
SHOWN = """
SELECT notice, count(*) AS visits
FROM submission
WHERE household_id BETWEEN $1 AND $2 AND kind = 'survey'
GROUP BY notice
ORDER BY notice
"""


class NoticeAnswer(BaseModel):
    """A version in the reader's language. spoken: what is read out at the door; text: the whole, by paragraphs."""

    version: str
    since: date
    spoken: str
    text: list[str]


class Shown(BaseModel):
    """At how many visits a version was shown; null: the phone said of none."""

    version: str | None
    visits: int


@router.get("/current")
async def now(request: Request) -> NoticeAnswer:
    """Give the notice that holds today, Thai or English. A submission names its version in `notice`."""
    return _answer(current(now_of(request)), language(request))


@router.get("")
async def versions(request: Request) -> list[NoticeAnswer]:
    """Give every version that held or holds, the latest first."""
    return [_answer(one, language(request)) for one in reversed(NOTICES)]


@router.get("/shown")
async def shown(
    request: Request, caller: Annotated[Principal, Depends(require(Right.PRIVACY_WORK))], area: AreaText = None
) -> list[Shown]:
    """Count the visits of an area by the notice that was shown."""
    code = area_of(caller, area, least=0)
    async with database(request) as connection:
        rows = await connection.fetch(SHOWN, code.ljust(32, "0"), code.ljust(32, "f"))
    return [Shown(version=row["notice"], visits=row["visits"]) for row in rows]


def _answer(notice: Notice, spoken_in: str) -> NoticeAnswer:
    return NoticeAnswer(
        version=notice.version,
        since=notice.since,
        spoken=notice.spoken.in_language(spoken_in),
        text=[one.in_language(spoken_in) for one in notice.text],
    )
