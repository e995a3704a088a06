"""The routes: keys for whoever is signed in, and the OpenRosa interface for the devices that hold them."""

from typing import Final

from services.survey.openrosa.http import devices, keys

ROUTERS: Final = (keys.router, *devices.ROUTERS)
