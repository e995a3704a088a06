"""The routes of the reporting service, one module per kind of question."""

from services.reporting.http import denominators, figures, live, monitor, organisations, places

ROUTERS = (
    figures.router,
    organisations.router,
    places.router,
    denominators.router,
    monitor.router,
    live.router,
)
