"""The routes of the registration service, one module per resource."""

from services.registration.http import directives, me, organisations, problems, sign_in, trainings, volunteers

ROUTERS = (
    organisations.router,
    volunteers.router,
    sign_in.router,
    problems.router,
    trainings.router,
    directives.router,
    me.router,
)
