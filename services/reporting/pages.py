"""The map page and what it is made of."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from shared.web.files import FONT, PageRoute, package_files, page_files, route
from shared.web.maps import MAP_PACKAGES, map_files

PAGES: Final = Path(__file__).parent / "pages"
COMMON_PAGES: Final = ("performance.html",)

PACKAGES: Final = (*MAP_PACKAGES, FONT)
"""What the page takes from `node_modules`."""


SIGNED_IN: Final = ("/monitor", "/denominators", "/subscribers")
"""Pages for who is signed in, which are where one signs in; a link to them from here leads there."""
ASKING: Final = ("/help",)
"""Where citizens ask for help, which is the survey's page."""


def page_routes(assets: Path, registration_url: str = "", survey_url: str = "") -> list[Route]:
    """A route for every file of the page.

    assets: a `node_modules` folder; raises `AssetsMissing` when a package is not in it. registration_url: where the
    pages for who is signed in are, survey_url: where help is asked for; without it they are not found here.
    """
    files = [*page_files(PAGES, common=COMMON_PAGES), *map_files(assets), *package_files(assets, FONT)]
    moved = ((registration_url, SIGNED_IN), (survey_url, ASKING))
    elsewhere = [_elsewhere(path, origin) for origin, paths in moved if origin for path in paths]
    return [*(route(url, file) for url, file in files), *elsewhere]


def _elsewhere(path: str, origin: str) -> PageRoute:
    def redirect(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{origin}{path}{query}", 302)

    return PageRoute(path, redirect)
