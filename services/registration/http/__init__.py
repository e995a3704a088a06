"""The routes of the registration service, one module per resource."""

from services.registration.http import (
    approvals,
    contacts,
    exports,
    imports,
    members,
    organisations,
    sign_in,
    sign_ups,
    sms_sink,
    volunteers,
)

ROUTERS = (
    organisations.router,
    contacts.router,
    members.router,
    imports.router,
    sign_ups.router,
    exports.router,
    volunteers.router,
    approvals.router,
    sign_in.router,
    sms_sink.router,
)
