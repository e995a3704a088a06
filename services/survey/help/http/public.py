"""What everybody may see of requests for help: which kinds there are, and how many ask; and the service's own counts,
which reporting's figures are held to."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.survey.help.http.refusals import bad_field
from services.survey.help.kinds import KINDS
from services.survey.help.limits import PUBLIC_KEPT_SECONDS
from services.survey.help.parts import HelpParts, parts
from services.survey.help.public_counts import PublicAnswer
from shared.areas.digits import to_arabic_digits
from shared.areas.districts import nearest_district
from shared.areas.register import is_current
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.fields import Body
from shared.web.problems import Message
from shared.web.validation import InvalidValue

router = APIRouter(prefix="/v1/help-requests", tags=["help"])
Tools = Annotated[HelpParts, Depends(parts)]
NEAR_KM: Final = 2.0
"""So far off a border, or off a coast, still is of the nearest district."""
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


class Where(Body):
    """A position, WGS 84 in degrees. In a body, since addresses of requests are written down by proxies."""

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


class District(BaseModel):
    """The code of a district; null outside the country."""

    area: str | None


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


@router.post("/district")
async def district(body: Where) -> District:
    """In which district a position lies, so that nobody has to look for his own in a list. Nothing is kept."""
    nearest, _ = nearest_district(body.lat, body.lon, within_km=NEAR_KM)
    return District(area=nearest)


@router.get("/counts")
async def counts(
    tools: Tools,
    principal: Annotated[Principal, Depends(require(Right.COUNTS_READ))],
    area: Annotated[str | None, Query(max_length=6, pattern=DIGITS)] = None,
) -> list[dict[str, Any]]:
    """The survey's own counts by subdistrict, kind and status: what reporting's figures are reconciled with."""
    return await tools.requests.counts(area_asked(principal, area and to_arabic_digits(area)))
