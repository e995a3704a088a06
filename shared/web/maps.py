"""What a page's map is made of: Leaflet, and the country's borders, since no tiles come from elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from shared.web.files import KEPT, File, package_files

BOUNDARIES: Final = Path(__file__).parents[1] / "areas" / "data"

MAP_PACKAGES: Final = ("leaflet/dist", "topojson-client/dist")
"""What a map takes from `node_modules`."""


def map_files(assets: Path) -> Iterator[tuple[str, File]]:
    """The files of a page with a map, with their paths: the borders are below `/areas/`.

    assets: a `node_modules` folder; raises `AssetsMissing` when a package is not in it.
    """
    for path in sorted(BOUNDARIES.glob("*.topojson")):
        yield f"/areas/{path.name}", File(path, KEPT)
    for package in MAP_PACKAGES:
        yield from package_files(assets, package)
