"""The routes of the registration service, one module per resource."""

from services.registration.http.organisations import router as organisations
from services.registration.http.sign_in import router as sign_in
from services.registration.http.volunteers import router as volunteers

ROUTERS = (organisations, volunteers, sign_in)

__all__ = ["ROUTERS"]
