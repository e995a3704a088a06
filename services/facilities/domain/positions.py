"""Where a place can lie: inside Thailand, on land, and in or near the district that is declared."""

from typing import Final

from services.facilities.domain.places import Position
from services.facilities.domain.violations import Violation
from shared.areas.districts import distance_km, nearest_district
from shared.areas.register import area as registered_area

# The country's extreme points (97.34 to 105.64 E, 5.61 to 20.47 N), and some 10 km around them since a fix is inexact.
SOUTH, NORTH, WEST, EAST = 5.5, 20.6, 97.2, 105.8

OUTSIDE_KM: Final = 1.0
"""So far outside the declared district is still in: the boundaries are good to 160 m, and places stand at borders."""
CONFIRMED_KM: Final = 20.0
"""A place that somebody has looked at may lie so far outside: a camp run by the neighbouring district. Beyond it is an
error, whoever has looked."""
SEA_KM: Final = 3.0
"""Farther from every district is the sea or another country: piers and islets lie nearer."""


def checked_position(position: Position | None, area: str, found: list[Violation], *, confirmed: bool = False) -> None:
    """Judge a position against the declared area; what is wrong is added to `found`.

    area: six digits; without them only the country is looked at.
    """
    if position is None:
        return
    outside = _outside_thailand(position)
    if outside:
        swapped = Position(position.lon, position.lat)
        found.extend([_swapped(swapped)] if not _outside_thailand(swapped) else outside)
        return
    if len(area) != 6:
        return
    distance = distance_km(area[:4], position.lat, position.lon)
    if distance <= OUTSIDE_KM:
        return
    nearest, away = nearest_district(position.lat, position.lon, within_km=SEA_KM)
    if nearest is None:
        found.append(
            Violation(
                "position",
                "in_the_sea",
                "พิกัดอยู่ในทะเลหรือนอกประเทศ โปรดตรวจสอบพิกัด",
                "This lies in the sea or in another country; please check it",
            )
        )
    elif not confirmed or distance > CONFIRMED_KM:
        found.append(_elsewhere(nearest, distance, inside=away <= 0))


def _outside_thailand(position: Position) -> list[Violation]:
    # Not-a-number fails every comparison, hence "not inside" rather than "outside".
    found: list[Violation] = []
    for path, value, least, most in (
        ("position.lat", position.lat, SOUTH, NORTH),
        ("position.lon", position.lon, WEST, EAST),
    ):
        if not least <= value <= most:
            found.append(
                Violation(
                    path,
                    "outside_thailand",
                    f"พิกัดอยู่นอกประเทศไทย (ต้องอยู่ระหว่าง {least} ถึง {most})",
                    f"This lies outside Thailand ({least} to {most})",
                )
            )
    return found


def _swapped(right: Position) -> Violation:
    return Violation(
        "position",
        "swapped",
        f"ละติจูดกับลองจิจูดสลับกัน ที่ถูกน่าจะเป็นละติจูด {right.lat} ลองจิจูด {right.lon}",
        f"Latitude and longitude are swapped; probably {right.lat} north, {right.lon} east is meant",
    )


def _elsewhere(district: str, distance: float, *, inside: bool) -> Violation:
    place = registered_area(district)
    where_th, where_en = ("อยู่ใน", "lies in") if inside else ("อยู่ใกล้", "lies near")
    return Violation(
        "position",
        "outside_area",
        f"พิกัด{where_th}{place.name_th} ห่างจากอำเภอที่ระบุประมาณ {distance:.0f} กม.",
        f"This {where_en} {place.name_en}, some {distance:.0f} km outside the district that is named",
    )
