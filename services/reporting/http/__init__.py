"""The routes of the reporting service, one module per kind of question."""

from services.reporting.http import (
    dead_letters,
    denominator_lists,
    denominators,
    figures,
    live,
    monitor,
    organisations,
    performance,
    places,
    trust,
)

ROUTERS = (
    figures.router,
    organisations.router,
    places.router,
    denominators.router,
    denominator_lists.router,
    monitor.router,
    performance.router,
    live.router,
    trust.router,
    dead_letters.router,
)
