"""Answers in the form that is wanted, made once for all who ask, and sent only to who does not have them yet."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.reporting import store
from services.reporting.kept import answers
from services.reporting.kept.answers import KeptAnswers
from services.reporting.kept.bodies import Body, body_of
from services.reporting.kept.moment import Moment
from services.reporting.projector import FiguresProjection
from services.reporting.store import Pool
from services.reporting.submissions import Submission
from shared.contracts.events import Role
from shared.contracts.topics import SURVEY_SUBMITTED, Topic
from shared.kafka.projection import Event
from shared.observability.clock import MovableClock
from shared.postgres.pool import Connection
from tests.integration.reporting.conftest import NOW, as_role, eventually
from tests.unit.reporting.campaigns import campaign

CAMPAIGN = campaign(seed=5, length=60).events
EXACT = as_role(Role.CENTRAL_ADMINISTRATOR, "")
COVERAGE = "/v1/coverage?level=province"
ROUTES = (
    COVERAGE,
    "/v1/progress?level=province",
    "/v1/quality?level=province",
    "/v1/freshness?level=province",
    "/v1/volunteers?level=province",
    "/v1/places",
    "/v1/history?level=province&day=2022-02-01",
    "/v1/history?level=province&from=2022-01-30&to=2022-02-02",
)

pytestmark = pytest.mark.usefixtures("filled")


def survey(topics: Sequence[Topic]) -> str:
    """The name of the module's own stream of submissions."""
    return next(topic.name for topic in topics if topic.event_type == SURVEY_SUBMITTED.event_type)


async def apply(pool: Pool, stream: str, events: Sequence[Submission]) -> None:
    """What the projector does with a batch."""
    batch = [Event(stream, 1, int(NOW.timestamp() * 1000), each) for each in events]
    async with pool.acquire() as connection, connection.transaction():
        await FiguresProjection().apply(connection, batch)


@pytest.fixture(scope="module")
async def filled(pool: Pool, topics: tuple[Topic, ...]) -> Sequence[Submission]:
    """A campaign, applied, but for its last events."""
    await apply(pool, survey(topics), CAMPAIGN[:-10])
    return CAMPAIGN


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The areas for which figures are read from now on."""
    found: list[str] = []
    real = store.figures

    async def figures(connection: Connection, area: str, digits: int) -> dict[str, Any]:
        found.append(area)
        await asyncio.sleep(0)
        return await real(connection, area, digits)

    monkeypatch.setattr(store, "figures", figures)
    monkeypatch.setattr(answers, "OLDEST_SECONDS", 3_600.0)  # however slow the machine is
    return found


@pytest.mark.parametrize("route", ROUTES)
async def test_who_has_an_answer_is_told_so(client: httpx.AsyncClient, route: str) -> None:
    """By the tag that came with it, in every form of If-None-Match."""
    first = await client.get(route)
    tag = first.headers["etag"]
    assert first.headers["vary"] == "Accept, Accept-Encoding, Authorization"
    assert first.headers["cache-control"] == "no-cache"
    for known in (tag, f'"x", {tag}', tag.removeprefix("W/"), "*"):
        again = await client.get(route, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert (await client.get(route, headers={"If-None-Match": '"x"'})).status_code == 200
    own = await client.get(route, headers=EXACT)
    assert own.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("route", ROUTES)
async def test_every_list_is_also_a_table(client: httpx.AsyncClient, route: str) -> None:
    """For who accepts CSV rather; with another tag, the same numbers, and how new they are."""
    answer = (await client.get(route)).json()
    response = await client.get(route, headers={"Accept": "text/csv, application/json;q=0.5"})
    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"].endswith('.csv"')
    assert response.content.startswith("\ufeff".encode())
    lines = list(csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"))))
    listed = answer.get("rows", answer.get("items"))
    assert len(lines) == len(listed) * len(answer.get("days", [1]))
    if "coverage" in route:
        assert [line["persons"] for line in lines] == [str(row["persons"]) for row in listed]
        assert lines[0]["one_dose.numerator"] == str(listed[0]["one_dose"]["numerator"])
        assert lines[0]["as_of"] == NOW.isoformat()
    if "from" in route:
        bangkok = [line for line in lines if line["area"] == "10"]
        row = next(row for row in listed if row["area"] == "10")
        assert [line["day"] for line in bangkok] == answer["days"]
        assert [int(line["persons"]) for line in bangkok] == row["cumulative"]["persons"]
        assert [int(line["persons.that_day"]) for line in bangkok] == row["by_day"]["persons"]
    tag = response.headers["etag"]
    same = await client.get(route, headers={"Accept": "text/csv", "If-None-Match": tag})
    assert same.status_code == 304
    assert (await client.get(route, headers={"If-None-Match": tag})).status_code == 200


async def test_withheld_figures_are_empty_cells(client: httpx.AsyncClient, pool: Pool) -> None:
    """In tables as elsewhere."""
    await pool.execute("INSERT INTO survey_subdistrict (subdistrict, submissions, persons) VALUES ('830101', 1, 3)")
    response = await client.get("/v1/coverage?area=830101&level=subdistrict", headers={"Accept": "text/csv"})
    (line,) = csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff")))
    assert (line["suppressed"], line["persons"], line["submissions"]) == ("True", "", "")


async def test_forms_that_nobody_makes(client: httpx.AsyncClient) -> None:
    """406, in words; and browsers get JSON."""
    refused = await client.get(COVERAGE, headers={"Accept": "application/xml"})
    assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")
    for accept in ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "*/*", "text/csv;q=0, */*"):
        response = await client.get(COVERAGE, headers={"Accept": accept})
        assert response.headers["content-type"] == "application/json"


async def test_many_who_ask_are_answered_by_one_reading(client: httpx.AsyncClient, readings: list[str]) -> None:
    """At one moment; and whoever may see more gets an answer of his own where that differs."""
    found = await asyncio.gather(*(client.get("/v1/coverage?area=50&level=district") for _ in range(50)))
    assert {answer.status_code for answer in found} == {200}
    assert readings == ["50"]
    await client.get("/v1/coverage?area=50&level=district", headers=EXACT)
    assert readings == ["50"]
    for headers in ({}, EXACT, as_role(Role.DISTRICT_COORDINATOR, "5001"), as_role(Role.VOLUNTEER, "5001")):
        await client.get("/v1/coverage?area=5001", headers=headers)
    assert readings == ["50", "5001", "5001", "5001"]  # a volunteer sees what everybody sees


async def test_what_was_applied_before_asking_is_in_the_answer(
    client: httpx.AsyncClient, pool: Pool, topics: tuple[Topic, ...], readings: list[str]
) -> None:
    """However lately; and while nothing comes nothing is read."""
    for event in CAMPAIGN[-10:]:
        before = await client.get(COVERAGE)
        await client.get(COVERAGE)
        await apply(pool, survey(topics), [event])
        after = await client.get(COVERAGE)
        country = await pool.fetchval("SELECT sum(persons) FROM survey_subdistrict")
        assert sum(row["persons"] for row in after.json()["rows"]) == country
        assert (after.headers["etag"] == before.headers["etag"]) is (after.content == before.content)
    assert 10 <= len(readings) <= 11


async def test_a_new_table_of_denominators_is_seen_at_once(client: httpx.AsyncClient) -> None:
    """As is a new lag of a stream, whereas the second at which it was measured alone is no news."""
    before = await client.get(COVERAGE)
    table = {"kind": "population", "source": "x", "dated": "2021-12-31", "rows": [{"area": "50", "value": 1_000}]}
    assert (await client.put("/v1/denominators", json=table, headers=EXACT)).status_code == 200
    after = await client.get(COVERAGE)
    assert after.headers["etag"] != before.headers["etag"]
    assert next(row for row in after.json()["rows"] if row["area"] == "50")["one_dose"]["denominator"] == 1_000


async def test_the_second_of_a_measurement_is_no_news(
    client: httpx.AsyncClient, pool: Pool, topics: tuple[Topic, ...]
) -> None:
    """The lag itself is, and so is the minute."""
    tags = []
    for lag, measured_at in ((3, NOW), (3, NOW + timedelta(seconds=2)), (4, NOW), (3, NOW + timedelta(minutes=1))):
        await pool.execute("DELETE FROM stream_end")
        await store.put_ends(pool, {(survey(topics), 0): lag}, measured_at)  # type: ignore[arg-type]
        response = await client.get(COVERAGE)
        tags.append(response.headers["etag"])
        (stream,) = (each for each in response.json()["as_of"].values() if each["lag"] is not None)
        assert stream["lag_measured_at"] == measured_at.isoformat().replace("+00:00", "Z")
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3
    await pool.execute("DELETE FROM stream_end")


async def test_places_become_overdue_while_nothing_comes(
    client: httpx.AsyncClient, pool: Pool, clock: MovableClock
) -> None:
    """Time alone changes that answer."""
    await pool.execute(
        "INSERT INTO facility (facility_id, revision, kind, name, area, status, updated_at, confirmed_at) "
        "VALUES (gen_random_uuid(), 1, 'hospital', 'x', '830101', 'open', $1, $1)",
        NOW,
    )
    route = "/v1/freshness?area=8301&level=district"
    assert (await client.get(route)).json()["rows"][0]["overdue"] == 0
    clock.advance(timedelta(days=7, seconds=1))
    assert (await client.get(route)).json()["rows"][0]["overdue"] == 1
    clock.advance(-timedelta(days=7, seconds=1))


class Made:
    """Answers that are numbered as they are made."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, connection: Connection, moment: Moment) -> Body:
        """The next one."""
        self.count += 1
        return await body_of(str(self.count).encode(), "text/plain", {}, None)


async def test_what_is_of_the_past_may_be_behind(pool: Pool, topics: tuple[Topic, ...]) -> None:
    """For a while as it is; then once more, while the next one is made; after that everybody waits for a new one."""
    now = [0.0]
    kept, make = KeptAnswers(pool, topics, lambda: now[0]), Made()

    async def asked() -> bytes:
        return (await kept.get("key", make, may_be_older=10.0)).content

    assert await asked() == b"1"
    now[0] = 9.0
    assert await asked() == b"1"
    now[0] = 11.0
    assert await asked() == b"1"

    async def made_again() -> bool:
        return await asked() == b"2"

    await eventually(made_again, "the next one is made")
    assert make.count == 2
    now[0] = 100.0
    assert await asked() == b"3"


async def test_no_more_is_kept_than_there_is_room_for(
    pool: Pool, topics: tuple[Topic, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made longest ago goes first."""
    monkeypatch.setattr(answers, "MOST_ANSWERS", 2)
    kept, make = KeptAnswers(pool, topics, lambda: 0.0), Made()
    for key in ("a", "b", "c", "c", "b", "a", "c"):
        await kept.get(key, make)
    assert make.count == 4
    monkeypatch.setattr(answers, "MOST_BYTES", 1)
    await kept.get("d", make)
    await kept.get("a", make)
    assert make.count == 6


async def test_an_error_is_nobodys_answer(pool: Pool, topics: tuple[Topic, ...]) -> None:
    """It reaches all who wait, and the next who asks tries again."""
    kept, made = KeptAnswers(pool, topics), Made()

    async def fails(connection: Connection, moment: Moment) -> Body:
        await asyncio.sleep(0)
        raise LookupError

    found = await asyncio.gather(*(kept.get("key", fails) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [LookupError] * 3
    assert (await kept.get("key", made)).content == b"1"
