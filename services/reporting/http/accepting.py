"""In which form an answer is wanted, by the request's Accept."""

from collections.abc import Sequence
from typing import Final

from fastapi import Request

from shared.web.problems import Message, Problem

JSON: Final = "application/json"
CSV: Final = "text/csv"
MOST_PARTS: Final = 20
"""Alternatives of one Accept that are read; browsers send eight."""


def form_of(request: Request, forms: Sequence[str] = (JSON, CSV)) -> str:
    """The one of `forms` that the request likes best, the first one where it is all the same to it; raises a 406
    problem where it takes none."""
    accept = request.headers.get("accept", "").lower()
    if not accept.strip():
        return forms[0]
    ranges = [_range(part) for part in accept.split(",")[:MOST_PARTS]]
    liked = {form: _liked(form, ranges) for form in forms}
    best = max(forms, key=lambda form: liked[form])  # the first of equals
    if liked[best] <= 0:
        raise Problem(
            406,
            "not_acceptable",
            detail=Message(
                f"คำตอบมีเฉพาะรูปแบบ {' หรือ '.join(forms)}", f"This is answered as {' or '.join(forms)} alone"
            ),
        )
    return best


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (each.strip() for each in part.split(";"))
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                weight = 0.0
    return media, weight


def _liked(form: str, ranges: Sequence[tuple[str, float]]) -> float:
    """By the nearest of the ranges: the type itself, then all of its kind, then everything."""
    for wanted in (form, form.partition("/")[0] + "/*", "*/*"):
        for media, weight in ranges:
            if media == wanted:
                return weight
    return 0.0
