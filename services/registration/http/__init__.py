"""The routes of the registration service, one module per resource."""

from services.registration.http import areas, coordinators, organisations, registration_help, sign_in, volunteers

ROUTERS = (
    areas.router,
    coordinators.router,
    organisations.router,
    registration_help.router,
    sign_in.router,
    volunteers.router,
)
