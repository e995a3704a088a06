"""The routes of the reporting service, one module per kind of question."""

from services.reporting.http import denominators, documents, figures, live, organisations, places

# Documents come before the months: `{month}.pdf` is no month.
ROUTERS = (documents.router, figures.router, organisations.router, places.router, denominators.router, live.router)
