"""The map page and what it is made of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from starlette.routing import Route

from shared.web.files import KEPT, File, package_files, page_files, route

PAGES: Final = Path(__file__).parent / "pages"
BOUNDARIES: Final = Path(__file__).parents[2] / "shared" / "areas" / "data"

PACKAGES: Final = ("leaflet/dist", "@fontsource/sarabun", "topojson-client/dist")
"""What the page takes from `node_modules`."""


def page_routes(assets: Path) -> list[Route]:
    """A route for every file of the page.

    assets: a `node_modules` folder; raises `AssetsMissing` when a package is not in it.
    """
    return [route(url, file) for url, file in _files(assets)]


def _files(assets: Path) -> Iterator[tuple[str, File]]:
    yield from page_files(PAGES)
    for path in sorted(BOUNDARIES.glob("*.topojson")):
        yield f"/areas/{path.name}", File(path, KEPT)
    for package in PACKAGES:
        yield from package_files(assets, package)
