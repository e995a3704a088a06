"""What everybody may see of requests for help: which kinds there are, and how many ask; and the service's own counts,
which reporting's figures are held to."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.responses import Response

from services.survey.help.http.refusals import bad_field
from services.survey.help.kinds import KINDS
from services.survey.help.limits import PUBLIC_KEPT_SECONDS
from services.survey.help.parts import HelpParts, parts
from services.survey.help.public_counts import PublicAnswer
from shared.areas.digits import to_arabic_digits
from shared.areas.register import is_current
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.problems import Message
from shared.web.validation import InvalidValue

router = APIRouter(prefix="/v1/help-requests", tags=["help"])
Tools = Annotated[HelpParts, Depends(parts)]
DIGITS: Final = "^[0-9\u0e50-\u0e59]*$"
"""Arabic and Thai ones."""

_UNKNOWN_AREA: Final = InvalidValue(
    "unknown_area", Message("ไม่มีจังหวัดหรืออำเภอรหัสนี้", "There is no province or district with this code")
)


class KindAnswer(BaseModel):
    """One kind of help. `accept_within` and `complete_within` are minutes."""

    code: str
    name_th: str
    name_en: str
    accept_within: int
    complete_within: int


@router.get("/kinds")
async def kinds(response: Response) -> Sequence[KindAnswer]:
    """Which help can be asked for, and how soon it has to come, the most urgent first."""
    response.headers["Cache-Control"] = "public, max-age=300"
    minute = timedelta(minutes=1)
    return [
        KindAnswer(
            code=kind.code,
            name_th=kind.name_th,
            name_en=kind.name_en,
            accept_within=kind.accept_within // minute,
            complete_within=kind.complete_within // minute,
        )
        for kind in KINDS.values()
    ]


@router.get("/public")
async def public(
    response: Response,
    tools: Tools,
    area: Annotated[str, Query(max_length=6, pattern=DIGITS, description="A province or district")],
) -> PublicAnswer:
    """How many ask for help, by subdistrict and status: nothing of anybody, and small cells are withheld."""
    code = to_arabic_digits(area)
    if len(code) not in (2, 4) or not is_current(code):
        raise bad_field("area", _UNKNOWN_AREA)
    response.headers["Cache-Control"] = f"public, max-age={PUBLIC_KEPT_SECONDS:.0f}"
    return await tools.public.of(code)


@router.get("/counts")
async def counts(
    tools: Tools,
    principal: Annotated[Principal, Depends(require(Right.COUNTS_READ))],
    area: Annotated[str | None, Query(max_length=6, pattern=DIGITS)] = None,
) -> list[dict[str, Any]]:
    """The survey's own counts by subdistrict, kind and status: what reporting's figures are reconciled with."""
    return await tools.requests.counts(area_asked(principal, area and to_arabic_digits(area)))
