"""Reads a document's month from the database."""

import json
from datetime import date, datetime
from typing import Final

from services.reporting.documents.orders import Order
from services.reporting.documents.statement import Rows, Statement
from services.reporting.months import store
from services.reporting.months.answers import Closing, MonthFigures, RowLevel
from shared.areas.register import area as registered_area
from shared.areas.register import children, subdistricts
from shared.postgres.pool import Connection

_LEVELS: Final[tuple[RowLevel, ...]] = ("country", "province", "district", "subdistrict")

NEWEST: Final = "SELECT max(newest) FROM stream_progress"


def first_day(month: str) -> date:
    """The first day of a YYYY-MM."""
    return date(int(month[:4]), int(month[5:7]), 1)


async def statement_of(connection: Connection, order: Order) -> Statement:
    """What the document says of the month as a whole. The caller's transaction has to be a snapshot."""
    closing = await _closing(connection, order)
    total, before = MonthFigures(), MonthFigures()
    own_level = registered_area(order.area).level
    async for row in store.rows(connection, first_day(order.month), order.revision, order.area, own_level):
        total, before = row.figures, row.before
    newest: datetime | None = await connection.fetchval(NEWEST)
    return Statement(
        closing and closing.closed_at,
        closing and closing.reason,
        closing and closing.hash,
        newest,
        total,
        before,
        _count(order, total, before),
    )


def rows_of(connection: Connection, order: Order) -> Rows:
    """The document's rows, as the database gives them."""
    return store.rows(
        connection, first_day(order.month), order.revision, order.area, order.level, sort=order.sort
    )


async def _closing(connection: Connection, order: Order) -> Closing | None:
    found = await store.closings(connection, first_day(order.month))
    return next((each for each in found if each.revision == order.revision), None)


def _count(order: Order, total: MonthFigures, before: MonthFigures) -> int:
    """How many rows there will be. Of accounts and organisations nobody knows before they are read: accounts are at
    least as many as were active in the better month."""
    if order.level not in _LEVELS:
        return max(total.volunteers_active, before.volunteers_active) if order.level == "volunteer" else 0
    if order.level == "subdistrict":
        return len(subdistricts(order.area))
    codes = [order.area]
    own_level = _LEVELS.index(registered_area(order.area).level)
    for _ in range(_LEVELS.index(order.level) - own_level):
        codes = [child.code for code in codes for child in children(code)]
    return len(codes)
