"""Requests for help between their rules and the database's rows."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from services.survey.help.domain import Owner, Request
from shared.contracts.events import HelpStatus, Role

COLUMNS: Final = (
    "request_id",
    "citizen",
    "kind",
    "area",
    "people",
    "status",
    "revision",
    "asked_at",
    "updated_at",
    "deadline",
    "expires_at",
    "hand_up_at",
    "escalation",
    "accepted_at",
    "owner",
    "owner_role",
    "owner_area",
    "outcome",
    "merged_into",
    "cell_row",
    "cell_column",
    "place",
)
"""What a request is, without what is sealed."""

NAMES: Final = ", ".join(COLUMNS)


def request_of(row: asyncpg.Record) -> Request:
    """The request of a row that has all `COLUMNS`."""
    owner = row["owner"]
    return Request(
        request_id=row["request_id"],
        citizen=row["citizen"],
        kind=row["kind"],
        area=row["area"],
        people=row["people"],
        status=HelpStatus(row["status"]),
        revision=row["revision"],
        asked_at=row["asked_at"],
        updated_at=row["updated_at"],
        deadline=row["deadline"],
        expires_at=row["expires_at"],
        hand_up_at=row["hand_up_at"],
        escalation=row["escalation"],
        accepted_at=row["accepted_at"],
        owner=None if owner is None else Owner(owner, Role(row["owner_role"]), row["owner_area"]),
        outcome=row["outcome"],
        merged_into=row["merged_into"],
        cell=None if row["cell_row"] is None else (row["cell_row"], row["cell_column"]),
        place=row["place"],
    )


def values_of(request: Request) -> Sequence[Any]:
    """The values of `COLUMNS`."""
    owner, cell = request.owner, request.cell
    return (
        request.request_id,
        request.citizen,
        request.kind,
        request.area,
        request.people,
        request.status.value,
        request.revision,
        request.asked_at,
        request.updated_at,
        request.deadline,
        request.expires_at,
        request.hand_up_at,
        request.escalation,
        request.accepted_at,
        None if owner is None else owner.volunteer_id,
        None if owner is None else owner.role.value,
        None if owner is None else owner.area,
        request.outcome,
        request.merged_into,
        None if cell is None else cell[0],
        None if cell is None else cell[1],
        request.place,
    )
