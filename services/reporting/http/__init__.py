"""The routes of the reporting service, one module per kind of question."""

from services.reporting.http import denominator_lists, denominators, figures, live, monitor, organisations, places

ROUTERS = (
    figures.router,
    organisations.router,
    places.router,
    denominators.router,
    denominator_lists.router,
    monitor.router,
    live.router,
)
