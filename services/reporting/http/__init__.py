"""The routes of the reporting service, one module per kind of question."""

from services.reporting.http import (
    dead_letters,
    denominators,
    documents,
    figures,
    live,
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
    documents.router,  # before the months: `{month}.pdf` is no month
    performance.router,
    live.router,
    trust.router,
    dead_letters.router,
)
