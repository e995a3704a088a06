"""What the routes share: the database, the caller, and what is answered when the register refuses."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import asyncpg
from fastapi import Depends, Request

from services.facilities.domain.areas import checked_area
from services.facilities.domain.places import ClosedFacility, MergedFacility, NotMerged
from services.facilities.domain.violations import InvalidContent, Violation
from services.facilities.reference import Reference
from services.facilities.store.codes import CodeInUse
from services.facilities.store.places import (
    Actor,
    IdTaken,
    OtherArea,
    OtherOrganisation,
    StaleRevision,
    UnknownFacility,
)
from shared.observability.clock import Clock
from shared.postgres.pool import UNREACHABLE, Connection, acquire
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.problems import FieldError, Message, Problem

UNKNOWN: Final[dict[str, Any]] = {"description": "No place has this id."}
CONFLICT: Final[dict[str, Any]] = {"description": "The id or code stands for another place, or the place is closed."}
STALE: Final[dict[str, Any]] = {"description": "Somebody else has changed it; `current_revision` says to which."}
UNNAMED: Final[dict[str, Any]] = {"description": "If-Match is missing."}

_REVISION: Final = re.compile(r'"([1-9][0-9]{0,8})"')

Writer = Annotated[Principal, Depends(require(Right.FACILITY_WRITE))]
"""Whoever may enter, change and confirm places."""


def invalid(violations: Iterable[Violation]) -> Problem:
    """A 400 problem that names each bad field."""
    return Problem(
        400, "invalid", errors=[FieldError(each.path, each.code, Message(each.th, each.en)) for each in violations]
    )


def expected_revision(if_match: str | None) -> int:
    """The revision that a caller has seen, by the strong ETag of If-Match. Raises a 400 or 428 problem.

    A list, a weak tag or `*` would not say which revision was seen.
    """
    if if_match is None:
        raise Problem(
            428,
            detail=Message(
                "ต้องส่ง If-Match พร้อม ETag ของรุ่นที่แก้ไข",
                "Send If-Match with the ETag of the revision that you have changed",
            ),
        )
    found = _REVISION.fullmatch(if_match.strip())
    if found is None:
        raise invalid(
            [Violation("if-match", "wrong_form", 'ต้องเป็น ETag ค่าเดียว เช่น "3"', 'This has to be one ETag, such as "3"')]
        )
    return int(found[1])


def area_of(text: str) -> str:
    """The code of an area that was asked for. Raises a 400 problem."""
    try:
        return checked_area(text)
    except InvalidContent as error:
        raise invalid(error.violations) from None


def clock_of(request: Request) -> Clock:
    """The service's clock."""
    clock: Clock = request.app.state.clock
    return clock


def reference_of(request: Request) -> Reference:
    """Kinds and holidays."""
    reference: Reference = request.app.state.reference
    return reference


def actor_of(principal: Principal) -> Actor:
    """The caller as the register records him."""
    return Actor(principal.subject, principal.organisation, principal.role, principal.area)


@asynccontextmanager
async def database(request: Request) -> AsyncIterator[Connection]:
    """A connection for one answer. What the store refuses, or a database that is away, becomes a problem document."""
    pool: asyncpg.Pool[asyncpg.Record] = request.app.state.pool
    try:
        async with acquire(pool) as connection:
            yield connection
    except UNREACHABLE:
        raise Problem(
            503,
            detail=Message(
                "ฐานข้อมูลไม่ตอบ ไม่ทราบว่าบันทึกแล้วหรือไม่ โปรดส่งซ้ำเหมือนเดิม",
                "The database does not answer; whether it was stored is not known. Please send the same again",
            ),
            headers={"Retry-After": "2"},
        ) from None
    except InvalidContent as error:
        raise invalid(error.violations) from None
    except UnknownFacility:
        raise Problem(404, detail=Message("ไม่มีสถานที่รหัสนี้", "There is no place with this id")) from None
    except OtherArea:
        raise Problem(
            403, "other_area", detail=Message("สถานที่อยู่นอกพื้นที่ของท่าน", "The place lies outside your area")
        ) from None
    except OtherOrganisation:
        raise Problem(
            403,
            "other_organisation",
            detail=Message("สถานที่นี้ดูแลโดยหน่วยงานอื่น", "Another organisation keeps this place"),
        ) from None
    except IdTaken:
        raise Problem(
            409,
            "facility_id_taken",
            detail=Message(
                "รหัสนี้ใช้กับสถานที่อื่นแล้ว การแก้ไขให้ใช้ PUT",
                "This id was entered before with other content; changes are made with PUT",
            ),
        ) from None
    except ClosedFacility:
        raise Problem(
            409,
            "facility_closed",
            detail=Message("สถานที่ปิดแล้ว หากเปิดอีกให้ใช้ PUT", "The place is closed; open it again with PUT"),
        ) from None
    except StaleRevision as error:
        raise Problem(
            412,
            detail=Message(
                f"มีผู้แก้ไขไปแล้ว รุ่นปัจจุบันคือ {error.current}",
                f"Somebody else has changed it; the current revision is {error.current}",
            ),
            headers={"ETag": f'"{error.current}"'},
            members={"current_revision": error.current},
        ) from None
    except NotMerged:
        raise Problem(
            409, "not_merged", detail=Message("สถานที่นี้ไม่ได้ถูกรวม", "This place was not merged into another")
        ) from None
    except MergedFacility as error:
        raise Problem(
            409,
            "facility_merged",
            detail=Message(
                f"สถานที่นี้รวมกับ {error.survivor} แล้ว โปรดแก้ไขที่นั่น",
                f"This place was merged into {error.survivor}; please change that one",
            ),
            members={"survivor": str(error.survivor)},
        ) from None
    except CodeInUse as error:
        raise Problem(
            409,
            "code_in_use",
            detail=Message(
                f"รหัสนี้เป็นของ {error.name} ถ้าใช้ร่วมกันจริงให้ส่ง shared_code: true",
                f"This code is that of {error.name}; if both really share it, send shared_code: true",
            ),
            members={"facility_id": str(error.facility_id)},
        ) from None
