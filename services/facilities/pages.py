"""The public map of places and what it is made of."""

from pathlib import Path
from typing import Final

from starlette.routing import Route

from shared.web.files import FONT, package_files, page_files, route
from shared.web.maps import map_files

PAGES: Final = Path(__file__).parent / "pages"


def page_routes(assets: Path | None) -> list[Route]:
    """A route for every file of the page.

    assets: a `node_modules` folder, without which there is no page; raises `AssetsMissing` when a package is not in it.
    """
    if assets is None:
        return []
    files = [*page_files(PAGES), *map_files(assets), *package_files(assets, FONT)]
    return [route(url, file) for url, file in files]
