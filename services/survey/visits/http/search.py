"""POST /v1/need-to-reach/search: by house, name or phone. What is looked for is in the body, never in an address."""

from typing import Annotated, Final, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request

from services.survey.audit import Purpose
from services.survey.reach.tokens import name_tokens, phone_token
from services.survey.visits import lists, search
from services.survey.visits.http.asking import bad_field, connected, now_of
from services.survey.visits.http.items import PersonToReach, read_items
from shared.security.blind_index import BlindIndex
from shared.security.identifiers import InvalidIdentifier
from shared.security.keyed_ids import HouseholdIds
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.security.spelling import words_of
from shared.web.authentication import area_asked, demand_area, require
from shared.web.fields import AreaCode, Body
from shared.web.problems import Message
from shared.web.validation import InvalidValue

MOST_FOUND: Final = 50
"""More than anybody looks through; who finds so many says more of the name."""

_ONE: Final = Message("ค้นด้วยบ้าน ชื่อ หรือเบอร์โทรอย่างใดอย่างหนึ่ง", "Look by house, name or phone: by exactly one")
_PHONE: Final = Message(
    "เบอร์มือถือต้องขึ้นต้นด้วย 06 08 หรือ 09 และมี 10 หลัก", "A mobile number begins with 06, 08 or 09 and has 10 digits"
)
_NAME: Final = Message("ชื่อต้องมีตัวอักษร", "A name has letters")
_SUBDISTRICT: Final = Message("ต้องเป็นรหัสตำบล 6 หลัก", "This has to be the code of a subdistrict, 6 digits")
_VILLAGE: Final = Message(
    "รหัสหมู่บ้านต้องมี 8 หลักและอยู่ในตำบลนี้", "A village's code has 8 digits and begins with the subdistrict's"
)

router = APIRouter(prefix="/v1/need-to-reach", tags=["need to reach"])
Reader = Annotated[Principal, Depends(require(Right.REACH_READ))]


class House(Body):
    """An address, spelled as one likes; area: a subdistrict."""

    area: AreaCode
    house: Annotated[str, Field(min_length=1, max_length=60)]
    village: Annotated[str, Field(max_length=8)] | None = None
    unit: Annotated[str, Field(max_length=60)] | None = None


class Looked(Body):
    """What is looked for: exactly one of house, name and phone. area: where, by default in one's own."""

    area: AreaCode | None = None
    house: House | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    phone: Annotated[str, Field(min_length=1, max_length=40)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.house, self.name, self.phone)) != 1:
            raise InvalidValue("exactly_one", _ONE)
        return self


class Found(BaseModel):
    """Whom the search found, by priority, also persons who need no visit any more; more: there are further ones."""

    items: list[PersonToReach]
    more: bool


@router.post("/search")
async def find(request: Request, principal: Reader, body: Looked) -> Found:
    """Find persons to reach by house, by whole words of a name, or by phone; recorded, whatever it finds."""
    prefix = area_asked(principal, body.area)
    tokens: list[int] = []
    household: UUID | None = None
    if body.house is not None:
        household = _household(request, principal, body.house)
    else:
        tokens = _tokens(request.app.state.blind_index, body)
    async with connected(request) as connection:
        if household is not None:
            keys = await search.by_household(connection, household, prefix)
        else:
            keys = await search.by_tokens(connection, tokens, prefix, MOST_FOUND + 1)
        entries = await lists.entries(
            connection, keys[:MOST_FOUND], area=prefix, now=now_of(request), once=household is None
        )
        items = await read_items(connection, request, principal, Purpose.SEARCH, entries)
    return Found(items=items, more=len(keys) > MOST_FOUND)


def _household(request: Request, principal: Principal, house: House) -> UUID:
    if len(house.area) != 6:
        raise bad_field("house.area", "not_a_subdistrict", _SUBDISTRICT)
    demand_area(principal, house.area)
    if house.village and not (len(house.village) == 8 and house.village.startswith(house.area)):
        raise bad_field("house.village", "other_village", _VILLAGE)
    ids: HouseholdIds = request.app.state.household_ids
    return ids.of_address(house.area, house.village, house.house, house.unit)


def _tokens(blind_index: BlindIndex, body: Looked) -> list[int]:
    if body.phone is not None:
        try:
            return [phone_token(blind_index, body.phone)]
        except InvalidIdentifier as error:
            raise bad_field("phone", error.code, _PHONE) from None
    found = name_tokens(blind_index, words_of(body.name or ""))
    if not found:
        raise bad_field("name", "no_letters", _NAME)
    return found
