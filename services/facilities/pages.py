"""The public map of places and what it is made of."""

from pathlib import Path
from typing import Final

from starlette.routing import Route

from shared.web.files import KEPT, File, package_files, page_files, route

PAGES: Final = Path(__file__).parent / "pages"
BOUNDARIES: Final = Path(__file__).parents[2] / "shared" / "areas" / "data"

PACKAGES: Final = ("leaflet/dist", "@fontsource/sarabun", "topojson-client/dist")
"""What the page takes from `node_modules`."""


def page_routes(assets: Path | None) -> list[Route]:
    """A route for every file of the page.

    assets: a `node_modules` folder, without which there is no page; raises `AssetsMissing` when a package is not in it.
    """
    if assets is None:
        return []
    files = list(page_files(PAGES))
    files += [(f"/areas/{path.name}", File(path, KEPT)) for path in sorted(BOUNDARIES.glob("*.topojson"))]
    for package in PACKAGES:
        files += package_files(assets, package)
    return [route(url, file) for url, file in files]
