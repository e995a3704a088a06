"""A page's files: read once at the start, and nothing else on the disk.

A path that is not in the list of files is not found, so no path leads out of the folders.
"""

import gzip
import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.web.counted import Counted

COMMON: Final = Path(__file__).parent / "pages"
"""What every page is served with, and the pages that more than one service has."""

FONT: Final = "@fontsource/sarabun"
"""The pages' own font, a package of `node_modules`."""

MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".topojson": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
"""Files of other kinds (sources, maps of sources, licences) are not served."""

_COMPRESSED: Final = frozenset({".png", ".woff2"})  # already; gzip would make them larger


def content_security_policy(connect: Sequence[str] = ()) -> str:
    """What a page may do: load from its own origin only, and ask the services at the origins of `connect` as well.

    Leaflet shows an empty image (data:) while a tile is away, and a chosen screenshot is shown before it is sent.
    """
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "font-src 'self'",
            "img-src 'self' data:",
            "manifest-src 'self'",
            "worker-src 'self'",
            " ".join(["connect-src 'self'", *connect]),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


CONTENT_SECURITY_POLICY: Final = content_security_policy()

REVALIDATED: Final = "no-cache"
"""The page is asked for each time, and answered 304 when it is still the same."""
KEPT: Final = "public, max-age=86400"
"""What changes only with a new release of a package or of the boundaries may be kept for a day."""


FILES: Final = Counted("files")
"""What pages load is counted together: each by itself would be some hundred routes, of which nobody asks for one."""


class AssetsMissing(Exception):
    """The page cannot be shown: a package is not where JITASA_ASSETS says."""


class File:
    """One file, held in memory."""

    def __init__(self, path: Path, cache_control: str, policy: str = CONTENT_SECURITY_POLICY) -> None:
        self.policy = policy
        self.content = path.read_bytes()
        self.media_type = MEDIA_TYPES[path.suffix]
        self.cache_control = cache_control
        self._compressible = path.suffix not in _COMPRESSED

    @cached_property
    def etag(self) -> str:
        """Weak: the same for the compressed content."""
        return f'W/"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    @cached_property
    def compressed(self) -> bytes | None:
        """The content for who takes gzip, where that is smaller."""
        if not self._compressible:
            return None
        smaller = gzip.compress(self.content, mtime=0)
        return smaller if len(smaller) < len(self.content) else None

    def answer(self, request: Request) -> Response:
        """The file, or 304 when the client has it already."""
        headers = {
            "ETag": self.etag,
            "Cache-Control": self.cache_control,
            "Vary": "Accept-Encoding",
            "Content-Security-Policy": self.policy,
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
        if self.etag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        body = self.content
        if self.compressed is not None and accepts_gzip(request):
            body = self.compressed
            headers["Content-Encoding"] = "gzip"
        return Response(body, media_type=self.media_type, headers=headers)


class PageRoute(Route):
    """A route for what pages are made of. Everybody may read it: it holds nothing but what is in the repository and how
    the process is set up."""

    def __init__(self, url: str, answer: Callable[[Request], Response]) -> None:
        counted = FILES if PurePosixPath(url).suffix else Counted(url)

        async def endpoint(request: Request) -> Response:
            request.scope["route"] = counted
            return answer(request)

        super().__init__(url, endpoint, methods=["GET", "HEAD"], include_in_schema=False)


def route(url: str, file: File) -> PageRoute:
    """A route for one file."""
    return PageRoute(url, file.answer)


def page_files(folder: Path, connect: Sequence[str] = (), common: Sequence[str] = ()) -> Iterator[tuple[str, File]]:
    """The pages' own files and those that all pages have, with their paths: `index.html` is at the root, `desk.html` at
    /desk.

    connect: origins of other services that the pages ask. common: pages that several services have, by their names;
    each such page has a script of the service's own.
    """
    policy = content_security_policy(connect)
    shared = ((name, path) for name, path in below(COMMON) if path.suffix != ".html" or name in common)
    for name, path in [*below(folder), *shared]:
        yield "/" + name.removesuffix("index.html").removesuffix(".html"), File(path, REVALIDATED, policy)


def services_route(**told: object) -> PageRoute:
    """`/services`, where pages ask where the other services are; `told` may have more that they have to know."""

    def addresses(_: Request) -> JSONResponse:
        return JSONResponse(told, headers={"Cache-Control": REVALIDATED})

    return PageRoute("/services", addresses)


def package_files(assets: Path, package: str) -> Iterator[tuple[str, File]]:
    """What a page takes from a package (NAME/FOLDER) of `assets`, a `node_modules` folder; found below `/assets/` under
    the same path. Raises `AssetsMissing` when it is not there."""
    if not (assets / package).is_dir():
        raise AssetsMissing(f"{assets / package} does not exist: JITASA_ASSETS has to name the folder node_modules")
    for name, path in below(assets / package):
        yield f"/assets/{package}/{name}", File(path, KEPT)


def below(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder that can be served, with their paths in it."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in MEDIA_TYPES and path.is_file():
            yield path.relative_to(folder).as_posix(), path


def accepts_gzip(request: Request) -> bool:
    """True when the client takes gzip."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
