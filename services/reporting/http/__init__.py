"""The routes of the reporting service, one module per kind of question."""

from services.reporting.http import denominators, figures, live, organisations, performance, places

ROUTERS = (figures.router, organisations.router, places.router, denominators.router, performance.router, live.router)
