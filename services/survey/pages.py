"""The pages of the survey: the volunteer's phone, requests for help, the coordinator's desk."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from services.survey.settings import SurveySettings
from shared.web.files import (
    FONT,
    MEDIA_TYPES,
    REVALIDATED,
    File,
    PageRoute,
    package_files,
    page_files,
    route,
    services_route,
)
from shared.web.maps import map_files

PAGES: Final = Path(__file__).parent / "pages"
COMMON_PAGES: Final = ("sign-in.html",)
SERVICE_WORKER: Final = "/sw.js"

_PHONE: Final = (
    "/",
    "/manifest.webmanifest",
    "/icon.svg",
    "/fonts.css",
    "/base.css",
    "/work.css",
    "/elements.js",
    "/language.js",
    "/refusal.js",
    "/text.js",
    "/common-text.js",
)
"""What the volunteer's phone is made of, beside everything below /phone/ and the font in two weights."""
_WEIGHTS: Final = tuple(
    f"/assets/{FONT}/files/sarabun-{script}-{weight}-normal.woff2"
    for script in ("thai", "latin")
    for weight in (400, 600)
)


def page_routes(settings: SurveySettings) -> list[Route]:
    """A route for every file of the pages, and `/services`, which tells them where the other services are.

    Raises `AssetsMissing` when the font or the map is not in the folder that the settings name; without a folder there
    are no pages.
    """
    if settings.assets is None:
        return []
    urls = {
        "registration": settings.registration_url,
        "facilities": settings.facilities_url,
        "reporting": settings.reporting_url,
    }
    services = {name: url for name, url in urls.items() if url}
    own = page_files(PAGES, tuple(services.values()), COMMON_PAGES)
    files = dict([*package_files(settings.assets, FONT), *map_files(settings.assets), *reversed([*own])])
    worker = _service_worker(files)
    return [
        services_route(**services),
        PageRoute(SERVICE_WORKER, lambda _: worker),
        *(route(url, file) for url, file in files.items() if url != SERVICE_WORKER),
    ]


def _service_worker(files: Mapping[str, File]) -> Response:
    """The script that keeps the phone's files, told which they are, each with its ETag, and by a hash which version."""
    urls = sorted(url for url in files if url in _PHONE or url in _WEIGHTS or url.startswith("/phone/"))
    kept = json.dumps({url: files[url].etag for url in urls})
    version = hashlib.sha256(kept.encode()).hexdigest()[:16]
    told = f"const FILES = {kept};\nconst VERSION = {json.dumps(version)};\n\n"
    return Response(
        told.encode() + files[SERVICE_WORKER].content,
        media_type=MEDIA_TYPES[".js"],
        headers={"Cache-Control": REVALIDATED, "Content-Security-Policy": files[SERVICE_WORKER].policy},
    )
