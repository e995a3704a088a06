"""The routes of the registration service, one module per resource."""

from services.registration.http import (
    approvals,
    areas,
    contacts,
    coordinators,
    desk,
    exports,
    imports,
    organisations,
    problems,
    registration_help,
    sign_in,
    sign_ups,
    sms_sink,
    trainings,
    volunteers,
)

ROUTERS = (
    organisations.router,
    contacts.router,
    imports.router,
    sign_ups.router,
    exports.router,
    volunteers.router,
    approvals.router,
    sign_in.router,
    sms_sink.router,
    areas.router,
    coordinators.router,
    desk.router,
    registration_help.router,
    problems.router,
    trainings.router,
)
