"""Draws the country's surge (docs/pictures/surge.svg): its last day in 7 and in 3 days, with the database away for an
hour at the worst time, worked off by one recorder and by as many as the rule starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from deploy.capacity import surge

WIDTH, HEIGHT, LEFT, TOP, GAP = 620, 240, 90, 84, 120
FROM_HOUR, TO_HOUR = 17, 20
"""Of the last day: the burst, the hour without a database, and what comes after."""
AWAY_FROM: Final = 18 * 60
MOST_RECORDERS: Final = 6
ARRIVED, ONE, SCALED = "#8a8a8a", "#b3261e", "#1b5e9e"


def drawn(households: int) -> str:
    """The picture, as SVG."""
    height = TOP + 2 * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 40} {height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="100%" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="16">{households / 1e6:.0f} million households: the last evening</text>',
        f'<text x="{LEFT}" y="46">Households that wait for a recorder; the database is away from 18:00 to 19:00</text>',
    ]
    for place, days in enumerate((7, 3)):
        parts += _panel(households, days, TOP + place * (HEIGHT + GAP))
    return "\n".join([*parts, "</svg>\n"])


def _panel(households: int, days: int, top: int) -> list[str]:
    start = (days - 1) * 24 * 60
    away = range(start + AWAY_FROM, start + AWAY_FROM + 60)
    shown = slice(start + FROM_HOUR * 60, start + TO_HOUR * 60)
    one = list(surge(households, days, most=1, away=away, scales=False))[shown]
    scaled = list(surge(households, days, most=MOST_RECORDERS, away=away))[shown]
    most = max(each.lag for each in one)
    evening = max(each.came for each in one) / 60
    came = [sum(each.came for each in one[: number + 1]) for number in range(len(one))]
    bottom = top + HEIGHT
    ends = [len([each for each in line if each.number >= away.stop and each.lag > 0]) for line in (one, scaled)]
    parts = [
        f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">In {days} days: '
        f"{households / days / 1e6:.1f} million a day, {evening:,.0f}/s in the evening</text>",
        f'<line x1="{LEFT}" y1="{bottom}" x2="{LEFT + WIDTH}" y2="{bottom}" stroke="black"/>',
        f'<text x="{LEFT - 8}" y="{top + 12}" text-anchor="end">{most / 1e6:.1f} million</text>',
        f'<text x="{LEFT - 8}" y="{bottom}" text-anchor="end">0</text>',
        *(
            f'<text x="{LEFT + WIDTH * (hour - FROM_HOUR) / (TO_HOUR - FROM_HOUR):.0f}" y="{bottom + 18}" '
            f'text-anchor="middle">{hour}:00</text>'
            for hour in range(FROM_HOUR, TO_HOUR + 1)
        ),
        _line(came, max(came), bottom, ARRIVED, "4 4"),
        _line([each.lag for each in one], most, bottom, ONE),
        _line([each.lag for each in scaled], most, bottom, SCALED),
    ]
    told = (
        (ARRIVED, "came since 17:00 (own scale)"),
        (ONE, f"one recorder: nothing waits {ends[0] + 1} min after 19:00"),
        (SCALED, f"{max(each.recorders for each in scaled)} recorders by the rule: {ends[1] + 1} min"),
    )
    for number, (colour, text) in enumerate(told):
        y = bottom + 38 + 16 * number
        parts.append(f'<rect x="{LEFT}" y="{y - 9}" width="18" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + 26}" y="{y - 2}">{text}</text>')
    return parts


def _line(values: Sequence[float], most: float, bottom: int, colour: str, dashes: str = "none") -> str:
    points = " ".join(
        f"{LEFT + WIDTH * number / (len(values) - 1):.1f},{bottom - HEIGHT * value / most * 0.95:.1f}"
        for number, value in enumerate(values)
    )
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'
