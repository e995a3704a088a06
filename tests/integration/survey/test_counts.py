"""The survey's own counts, by area and by day: what other services' figures are held to."""

from collections import Counter
from datetime import datetime
from typing import Any

import httpx

from shared.observability.clock import BANGKOK
from tests.integration.survey.conftest import Survey, chained, submissions

FIGURES = ("persons", "dose_0", "dose_1", "dose_2", "dose_3", "wanting", "wanting_608", "undecided", "refusing")
CENTRE = {"Authorization": "Bearer central_administrator@@1"}


async def rows(client: httpx.AsyncClient, path: str, area: str, **headers: Any) -> Any:
    """The rows of an answer."""
    answer = await client.get(path, params={"area": area}, headers=headers or CENTRE)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_counts_by_area_and_by_day_are_the_sums_of_the_events(survey: Survey) -> None:
    """Households of an area are found by their ids, which begin with its code."""
    async with survey.recorder():
        await survey.accept(*submissions(5, 300, houses=80))
        await survey.until_recorded(300)
    expected: dict[str, dict[str, Counter[str]]] = {}
    for event in chained(await survey.published()):
        day = datetime.fromisoformat(event["captured_at"]).astimezone(BANGKOK).date().isoformat()
        found = expected.setdefault(event["area"], {}).setdefault(day, Counter())
        superseded = event["outcome"] == "superseded"
        found.update(submissions=1, superseded=superseded)
        if not superseded:
            found["households"] += (event["after"] is not None) - (event["before"] is not None)
            for name in FIGURES:
                found[name] += (event["after"] or {}).get(name, 0) - (event["before"] or {}).get(name, 0)
    assert len(expected) == 2
    async with survey.client() as client:
        for area, by_day in expected.items():
            told = await rows(client, "/v1/counts/days", area)
            names = ("submissions", "superseded", "households", *FIGURES)
            assert {row["day"]: Counter({name: row[name] for name in names}) for row in told} == by_day
            (whole,) = await rows(client, "/v1/counts", area)
            sums = {name: sum(counts[name] for counts in by_day.values()) for name in ("households", *FIGURES)}
            assert {name: whole[name] for name in sums} == sums
        assert {row["area"] for row in await rows(client, "/v1/counts", "")} == set(expected)
        assert await rows(client, "/v1/counts", "51") == []
        assert await rows(client, "/v1/counts/days", "๕๑") == []
        office = {"Authorization": "Bearer province_administrator@51@2"}
        answer = await client.get("/v1/counts/days", params={"area": "500101"}, headers=office)
        assert answer.status_code == 403
        assert (await client.get("/v1/counts", params={"area": "5x"}, headers=CENTRE)).status_code == 400
