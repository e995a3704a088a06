"""The routes of the registration service, one module per resource."""

from services.registration.http import appointments, organisations, sign_in, systems, volunteers

ROUTERS = (
    organisations.router,
    volunteers.router,
    appointments.router,
    systems.router,
    sign_in.router,
)
