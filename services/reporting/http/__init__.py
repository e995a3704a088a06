"""The routes of the reporting service, one module per kind of question."""

from services.reporting.http import denominators, figures, history, live, organisations, places

ROUTERS = (figures.router, history.router, organisations.router, places.router, denominators.router, live.router)
