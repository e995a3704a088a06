"""What every listener is told of a request that changed: masked, as the list shows it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from services.survey.help.domain import Request
from shared.areas.districts import CELLS_PER_DEGREE
from shared.postgres.pool import Connection

CHANNEL: Final = "help_request"
NOTIFY: Final = "SELECT pg_notify($1, line) FROM unnest($2::text[]) AS line"


class OwnerItem(msgspec.Struct, frozen=True):
    """Who accepted a request, in which role."""

    volunteer_id: UUID
    role: str
    area: str


class ToldItem(msgspec.Struct, frozen=True):
    """Who was told last that it is late."""

    role: str
    area: str


class CellItem(msgspec.Struct, frozen=True):
    """The middle of the grid cell, 1.1 km each way, in which help is needed; WGS 84, degrees."""

    lat: float
    lon: float


class Item(msgspec.Struct, frozen=True):
    """A request as whoever may see the area sees it before it is opened: no name, number, address or exact position.

    same_place: other open requests from the same place, as of when a list was asked for.
    """

    request_id: UUID
    kind: str
    area: str
    people: int
    status: str
    revision: int
    asked_at: datetime
    updated_at: datetime
    deadline: datetime | None
    accepted_at: datetime | None
    owner: OwnerItem | None
    told: ToldItem | None
    outcome: str | None
    merged_into: UUID | None
    cell: CellItem | None
    same_place: int = 0


def item_of(request: Request, same_place: int = 0) -> Item:
    """The masked form of a request."""
    owner, told, cell = request.owner, request.told, request.cell
    return Item(
        request_id=request.request_id,
        kind=request.kind,
        area=request.area,
        people=request.people,
        status=request.status.value,
        revision=request.revision,
        asked_at=request.asked_at,
        updated_at=request.updated_at,
        deadline=request.deadline,
        accepted_at=request.accepted_at,
        owner=None if owner is None else OwnerItem(owner.volunteer_id, owner.role.value, owner.area),
        told=None if told is None else ToldItem(told[0].value, told[1]),
        outcome=request.outcome,
        merged_into=request.merged_into,
        cell=None if cell is None else CellItem(*((part + 0.5) / CELLS_PER_DEGREE for part in cell)),
        same_place=same_place,
    )


def document_of(item: Item) -> dict[str, Any]:
    """An item as it stands in an answer."""
    built: dict[str, Any] = msgspec.to_builtins(item)
    return built


async def tell(connection: Connection, requests: Sequence[Request]) -> None:
    """Tells all listeners when the caller's transaction commits. A line has some 600 bytes, of the 8,000 that
    PostgreSQL takes."""
    lines = [msgspec.json.encode(item_of(request)).decode() for request in requests]
    await connection.execute(NOTIFY, CHANNEL, lines)
