"""The pages of registration: sign-up, sign-in, approvals, the desk and the others."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.routing import Route

from services.registration.settings import PageSettings
from shared.web.files import FONT, package_files, page_files, route, services_route
from shared.web.maps import map_files

PAGES: Final = Path(__file__).parent / "pages"
COMMON_PAGES: Final = ("sign-in.html", "performance.html")

MESSAGES: Final = frozenset({"/messages", "/messages.js"})
"""The page of text messages that nobody received: only where there are any."""


def page_routes(settings: PageSettings, *, sms_sink: bool) -> list[Route]:
    """A route for every file of the pages, and one that tells them where the other services are.

    sms_sink: text messages are not sent but kept here, and there is a page to read them on.

    Raises `AssetsMissing` when the font or the map is not in the folder that the settings name; without a folder there
    are no pages.
    """
    if settings.assets is None:
        return []
    urls = {
        "facilities": settings.facilities_url,
        "reporting": settings.reporting_url,
        "survey": settings.survey_url,
    }
    services = {name: url for name, url in urls.items() if url}
    own = page_files(PAGES, tuple(services.values()), COMMON_PAGES)
    files = [*own, *map_files(settings.assets), *package_files(settings.assets, FONT)]
    return [
        services_route(**services, messages=sms_sink),
        *(route(url, file) for url, file in files if sms_sink or url not in MESSAGES),
    ]
