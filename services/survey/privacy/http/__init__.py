"""The routes about personal data and those whom it is about."""

from typing import Final

from services.survey.privacy.http import citizens, notices, readings, staff, transfers

ROUTERS: Final = (notices.router, citizens.router, staff.router, readings.router, transfers.router)
