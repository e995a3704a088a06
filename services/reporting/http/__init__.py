"""The routes of the reporting service, one module per kind of question."""

from services.reporting.http import (
    dead_letters,
    denominator_lists,
    denominators,
    dhis2,
    documents,
    fhir,
    figures,
    geojson,
    history,
    live,
    monitor,
    organisations,
    performance,
    places,
    streams,
    transfers,
    trust,
)

ROUTERS = (
    figures.router,
    history.router,
    geojson.router,
    dhis2.router,
    fhir.router,
    organisations.router,
    places.router,
    denominators.router,
    denominator_lists.router,
    documents.router,  # before the months: `{month}.pdf` is no month
    performance.router,
    monitor.router,
    live.router,
    streams.router,
    transfers.router,
    trust.router,
    dead_letters.router,
)
