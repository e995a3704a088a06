"""The rows of coverage as GeoJSON, for other people's maps."""

from typing import Any

from services.reporting.answers import CoverageAnswer
from services.reporting.interchange.shapes import shapes


def feature_collection(answer: CoverageAnswer) -> dict[str, Any]:
    """A feature for each row, with the area's borders; without a geometry where there are none. What the answer says of
    all rows stands beside the features, as RFC 7946 lets it."""
    borders = shapes(answer.level)
    return {
        "type": "FeatureCollection",
        "area": answer.area,
        "level": answer.level,
        "as_of": answer.as_of,
        "cursor": answer.cursor,
        "features": [
            {
                "type": "Feature",
                "id": row.area,
                "geometry": borders.get(row.area),
                "properties": row,
            }
            for row in answer.rows
        ],
    }
