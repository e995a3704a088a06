"""The page's files: what is missing is named at the start, not at the first visit."""

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from services.reporting.pages import PACKAGES, page_routes
from shared.web.files import AssetsMissing


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    """With the setting that should name its folder."""
    with pytest.raises(AssetsMissing, match=r"leaflet/dist does not exist: JITASA_ASSETS"):
        page_routes(tmp_path)


def test_only_files_that_a_page_needs_have_a_route(tmp_path: Path) -> None:
    """Sources and other files of a package have none."""
    for package in PACKAGES:
        (tmp_path / package).mkdir(parents=True)
    (tmp_path / "leaflet/dist/leaflet.js").write_text("//")
    (tmp_path / "leaflet/dist/leaflet.js.map").write_text("{}")
    (tmp_path / "leaflet/package.json").write_text("{}")
    paths = {route.path for route in page_routes(tmp_path)}
    assert {"/", "/assets/leaflet/dist/leaflet.js", "/areas/provinces.topojson"} <= paths
    assert not {path for path in paths if path.endswith((".map", "package.json", ".md"))}


async def test_pages_of_other_services_are_where_they_are(tmp_path: Path) -> None:
    """A link to them leads there with its question; where no such place is known they are not found."""
    for package in PACKAGES:
        (tmp_path / package).mkdir(parents=True)
    for origins, path, status, location in (
        (("https://registration.example",), "/monitor?area=50", 302, "https://registration.example/monitor?area=50"),
        (("", "https://survey.example"), "/help", 302, "https://survey.example/help"),
        (("", "https://survey.example"), "/monitor?area=50", 404, None),
        (("https://registration.example",), "/help", 404, None),
    ):
        app = Starlette(routes=page_routes(tmp_path, *origins))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://reporting") as client:
            answer = await client.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (status, location)
