"""/v1/areas: the register of areas, level by level, for whoever chooses one by its name."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from typing import Annotated, Final, NamedTuple

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from shared.areas.register import children
from shared.web.fields import AreaCode
from shared.web.files import accepts_gzip

router = APIRouter(prefix="/v1", tags=["areas"])

KEPT: Final = "public, max-age=86400"
"""A release brings new areas; some are renamed or divided in a year, and a day's old list still holds good codes."""

LISTS: Final = 1_006
"""The country, 77 provinces and 928 districts: every list there is, some 1 MB together."""


class AreaName(BaseModel):
    """An area by code and name."""

    code: str
    name_th: str
    name_en: str


class _Written(NamedTuple):
    body: bytes
    compressed: bytes
    etag: str


@router.get("/areas", responses={200: {"model": list[AreaName]}})
async def areas(
    request: Request,
    within: Annotated[AreaCode, Query(description="Whose areas; without it the provinces of the country")] = "",
) -> Response:
    """Name the areas one level below `within`, by code. Open to all: it is a public register."""
    written = _written(within)
    headers = {"ETag": written.etag, "Cache-Control": KEPT, "Vary": "Accept-Encoding"}
    if written.etag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    if accepts_gzip(request):
        return Response(
            written.compressed, media_type="application/json", headers=headers | {"Content-Encoding": "gzip"}
        )
    return Response(written.body, media_type="application/json", headers=headers)


@lru_cache(maxsize=LISTS)
def _written(within: str) -> _Written:
    rows = [{"code": area.code, "name_th": area.name_th, "name_en": area.name_en} for area in children(within)]
    body = msgspec.json.encode(rows)
    return _Written(body, gzip.compress(body, mtime=0), f'W/"{hashlib.sha256(body).hexdigest()[:32]}"')
