"""The routes of the reporting service, one module per kind of question."""

from services.reporting.http import denominators, documents, figures, live, organisations, performance, places

ROUTERS = (
    figures.router,
    organisations.router,
    places.router,
    denominators.router,
    documents.router,  # before the months: `{month}.pdf` is no month
    performance.router,
    live.router,
)
