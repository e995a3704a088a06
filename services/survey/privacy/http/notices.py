"""/v1/notices: what people are told before they are asked, and how often which version was shown."""

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request

from services.survey.desk.http.parts import AreaText, area_of, database, now_of
from services.survey.privacy.notices import NOTICES
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.notice_routes import notice_routes

router = notice_routes(NOTICES, now_of)

# By the households' ids, which begin with the area's code.
SHOWN = """
SELECT notice, count(*) AS visits
FROM submission
WHERE household_id BETWEEN $1 AND $2 AND kind = 'survey'
GROUP BY notice
ORDER BY notice
"""


class Shown(BaseModel):
    """At how many visits a version was shown; null: the phone said of none."""

    version: str | None
    visits: int


@router.get("/shown")
async def shown(
    request: Request, caller: Annotated[Principal, Depends(require(Right.PRIVACY_WORK))], area: AreaText = None
) -> list[Shown]:
    """Count the visits of an area by the notice that was shown."""
    code = area_of(caller, area, least=0)
    async with database(request) as connection:
        rows = await connection.fetch(SHOWN, code.ljust(32, "0"), code.ljust(32, "f"))
    return [Shown(version=row["notice"], visits=row["visits"]) for row in rows]
