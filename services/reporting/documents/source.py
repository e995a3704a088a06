"""Reads a document's month from the database."""

from datetime import datetime
from typing import Final

from services.reporting.areas import areas_of
from services.reporting.documents.orders import Order
from services.reporting.documents.statement import Rows, Statement
from services.reporting.months import store
from services.reporting.months.answers import MonthFigures
from services.reporting.months.calendar import month_before
from shared.postgres.pool import Connection

NEWEST: Final = "SELECT max(newest) FROM stream_progress"


async def statement_of(connection: Connection, order: Order) -> Statement:
    """What the document says of the month as a whole. The caller's transaction has to be a snapshot.

    Raises `store.UnknownRevision`.
    """
    month, area, organisation = order.month, order.area, order.organisation
    closing = await store.closing_of(connection, month, order.revision)
    total = await store.total(connection, month, order.revision, area, organisation)
    before = await store.total(connection, month_before(month), None, area, organisation)
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
    return store.rows(
        connection,
        order.month,
        order.revision,
        order.area,
        order.level,
        sort=order.sort,
        organisation=order.organisation,
    )


def _count(order: Order, total: MonthFigures, before: MonthFigures) -> int:
    """How many rows there will be. Of organisations and accounts nobody knows before they are read: accounts are at
    least as many as were active in the better month."""
    if order.level == "organisation":
        return 0
    if order.level == "volunteer":
        return max(total.volunteers_active, before.volunteers_active)
    return len(areas_of(order.area, order.level))
