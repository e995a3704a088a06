"""Reads a document's month from the database."""

from datetime import date, datetime
from typing import Final

from services.reporting.areas import areas_of
from services.reporting.documents.orders import Order
from services.reporting.documents.statement import Rows, Statement
from services.reporting.months import store
from services.reporting.months.answers import MonthFigures
from shared.postgres.pool import Connection

NEWEST: Final = "SELECT max(newest) FROM stream_progress"


def first_day(month: str) -> date:
    """The first day of a YYYY-MM."""
    return date(int(month[:4]), int(month[5:7]), 1)


async def statement_of(connection: Connection, order: Order) -> Statement:
    """What the document says of the month as a whole. The caller's transaction has to be a snapshot.

    Raises `store.UnknownRevision`.
    """
    month = first_day(order.month)
    closings = await store.closings(connection, month)
    closing = next((each for each in closings if each.revision == order.revision), None)
    total = await store.total(connection, month, order.revision, order.area)
    before = await store.total(connection, store.month_before(month), None, order.area)
    newest: datetime | None = await connection.fetchval(NEWEST)
    return Statement(
        None if closing is None else closing.closed_at,
        None if closing is None else closing.reason,
        None if closing is None else closing.hash,
        newest,
        total,
        before,
        _count(order, total, before),
    )


def rows_of(connection: Connection, order: Order) -> Rows:
    """The document's rows, as the database gives them: those with the largest figure `order.sort` first."""
    return store.rows(connection, first_day(order.month), order.revision, order.area, order.level, sort=order.sort)


def _count(order: Order, total: MonthFigures, before: MonthFigures) -> int:
    """How many rows there will be. Of organisations and accounts nobody knows before they are read: accounts are at
    least as many as were active in the better month."""
    if order.level == "organisation":
        return 0
    if order.level == "volunteer":
        return max(total.volunteers_active, before.volunteers_active)
    return len(areas_of(order.area, order.level))
