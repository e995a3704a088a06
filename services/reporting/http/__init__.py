"""The routes of the reporting service, one module per kind of question."""

from services.reporting.http import denominators, dhis2, fhir, figures, geojson, history, live, organisations, places

ROUTERS = (
    figures.router,
    history.router,
    geojson.router,
    dhis2.router,
    fhir.router,
    organisations.router,
    places.router,
    denominators.router,
    live.router,
)
