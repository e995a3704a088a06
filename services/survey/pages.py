"""The pages of the survey: the volunteer's phone, requests for help, the coordinator's desk."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.survey.settings import SurveySettings
from shared.web.files import REVALIDATED, PageRoute, package_files, page_files, route
from shared.web.maps import map_files

PAGES: Final = Path(__file__).parent / "pages"
FONT: Final = "@fontsource/sarabun"


def page_routes(settings: SurveySettings) -> list[Route]:
    """A route for every file of the pages, and `/services`, which tells them where the other services are.

    Raises `AssetsMissing` when the font or the map is not in the folder that the settings name; without a folder there
    are no pages.
    """
    if settings.assets is None:
        return []
    services = {
        name: url
        for name, url in (
            ("registration", settings.registration_url),
            ("facilities", settings.facilities_url),
            ("reporting", settings.reporting_url),
        )
        if url
    }

    def addresses(_: Request) -> JSONResponse:
        return JSONResponse(services, headers={"Cache-Control": REVALIDATED})

    own = page_files(PAGES, connect=tuple(services.values()))
    files = [*own, *map_files(settings.assets), *package_files(settings.assets, FONT)]
    return [PageRoute("/services", addresses), *(route(url, file) for url, file in files)]
