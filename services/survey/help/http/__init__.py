"""The routes of requests for help: of citizens, of everybody, of whoever helps."""

from services.survey.help.http import citizens, public, staff, watching

# What has a name of its own comes before what is named by an id.
ROUTERS = (public.router, watching.router, citizens.router, staff.router)
