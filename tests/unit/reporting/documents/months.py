"""A made-up month: rows of any level, drawn from a seed."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date, datetime
from random import Random
from typing import Any
from uuid import UUID

from services.reporting.documents.orders import Order
from services.reporting.documents.statement import Statement
from services.reporting.months.answers import FIGURES, MonthFigures, PerformanceRow
from shared.areas.register import provinces

CLOSED_AT = datetime(2022, 2, 9, 19, 0, tzinfo=UTC)
HASH = "5f" * 32


def order(**changes: Any) -> Order:
    """Of January 2565, the country by province, as a PDF in Thai."""
    fields: dict[str, Any] = {
        "month": date(2022, 1, 1),
        "revision": 1,
        "area": "",
        "level": "province",
        "form": "pdf",
        "language": "th",
        "made_on": date(2022, 2, 10),
    }
    return Order(**fields | changes)


def figures(random: Random, most: int) -> MonthFigures:
    """Any figures up to `most`."""
    return MonthFigures(*[random.randint(0, most) for _ in FIGURES])


def of_provinces(seed: int = 1, most: int = 900_000) -> list[PerformanceRow]:
    """A row for every province, ranked."""
    random = Random(seed)
    rows = [
        PerformanceRow(area.code, area.name_th, area.name_en, 0, figures(random, most), figures(random, most), {})
        for area in provinces()
    ]
    rows.sort(key=lambda row: -row.figures.households_new)
    for rank, row in enumerate(rows, start=1):
        row.rank = rank
    return rows


def of_volunteers(number: int, seed: int = 1) -> Iterable[PerformanceRow]:
    """Rows of made-up accounts."""
    random = Random(seed)
    some = [figures(random, 90) for _ in range(1_000)]
    for rank in range(1, number + 1):
        yield PerformanceRow(
            str(UUID(int=rank << 64)), None, None, rank, some[rank % 1_000], some[(rank * 7) % 1_000], {}
        )


def statement(rows: list[PerformanceRow], **changes: Any) -> Statement:
    """The sums of the rows, of a month that is closed."""
    sums = (
        MonthFigures(*map(sum, zip(*(each.values() for each in side), strict=True)))
        for side in ([row.figures for row in rows], [row.before for row in rows])
    )
    total, before = sums
    fields: dict[str, Any] = {
        "closed_at": CLOSED_AT,
        "reason": None,
        "hash": HASH,
        "newest": CLOSED_AT,
        "total": total,
        "total_before": before,
        "count": len(rows),
    }
    return Statement(**fields | changes)


async def streamed(rows: Iterable[PerformanceRow]) -> AsyncIterator[PerformanceRow]:
    """The rows as the database gives them."""
    for row in rows:
        yield row
