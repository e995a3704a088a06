"""/v1/facility-kinds: which kinds of place there are, and what is asked of each."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field as BodyField

from services.facilities.domain.kinds import Field, Kind
from services.facilities.http.parts import database, reference_of
from services.facilities.store import kinds
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.fields import Body
from shared.web.problems import Message, Problem

router = APIRouter(prefix="/v1/facility-kinds")

Named = Annotated[str, BodyField(min_length=1, max_length=100)]
"""What a kind is called: it has to fit the legend of a map."""


class KindBody(Body):
    """A further kind. beds: its capacity is beds, some of them free."""

    th: Named
    en: Named
    beds: bool = False
    fields: frozenset[Field] = frozenset()


class KindAnswer(KindBody):
    """A kind; standard: one of the directive's five."""

    kind: str
    standard: bool


@router.get("")
async def list_kinds(request: Request) -> list[KindAnswer]:
    """All kinds, the five first."""
    return [_answer(kind) for kind in reference_of(request).kinds.values()]


@router.put("/{kind}")
async def put_kind(
    request: Request,
    kind: Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,39}$")],
    body: KindBody,
    _: Annotated[Principal, Depends(require(Right.REFERENCE_WRITE))],
) -> KindAnswer:
    """Adds a further kind, or changes what it is called. Another process knows it two seconds later."""
    added = Kind(kind, body.th, body.en, body.beds, body.fields)
    async with database(request) as connection:
        if not await kinds.put(connection, added):
            raise Problem(
                409,
                "kind_fixed",
                detail=Message(
                    f"ประเภทนี้แก้ไขไม่ได้ หรือมีครบ {kinds.MOST_KINDS} ประเภทแล้ว",
                    f"This kind cannot be changed so, or there are {kinds.MOST_KINDS} kinds already",
                ),
            )
        await reference_of(request).read(connection)
    return _answer(added)


def _answer(kind: Kind) -> KindAnswer:
    return KindAnswer(
        kind=kind.kind, th=kind.th, en=kind.en, beds=kind.beds, fields=kind.fields, standard=kind.standard
    )
