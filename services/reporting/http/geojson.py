"""The figures as GeoJSON."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from services.reporting.answers import AsOf
from services.reporting.http.answering import answer_kept, lenience
from services.reporting.http.areas import Wanted
from services.reporting.http.figures import read_coverage
from services.reporting.http.sight import SightOf
from services.reporting.interchange.geojson import feature_collection
from shared.postgres.pool import Connection

MEDIA_TYPE: Final = "application/geo+json"

router = APIRouter(prefix="/v1")


@router.get("/coverage.geojson", responses={200: {"content": {MEDIA_TYPE: {}}}})
async def map_of_coverage(request: Request, asked: Wanted, sight: SightOf) -> Response:
    """The rows of coverage with the borders of provinces and districts; the country and subdistricts have none here."""

    async def read(connection: Connection, as_of: AsOf) -> dict[str, Any]:
        return feature_collection(await read_coverage(connection, as_of, asked, sight, "population"))

    key = (asked.key, sight.key(asked))
    return await answer_kept(request, key, read, forms=(MEDIA_TYPE, "application/json"), may_be_older=lenience(request))
