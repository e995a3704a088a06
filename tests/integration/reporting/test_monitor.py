"""The monitor of areas without results: the copy of the days that it reads, and its answers."""

import io
import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import httpx
import openpyxl
import pytest

from services.reporting.monitor.refresh import MOST_REST_SECONDS, ResultsRefresh
from services.reporting.store import Pool
from shared.areas.register import children, subdistricts
from shared.contracts.events import Role
from shared.contracts.topics import Topic
from shared.observability.clock import MovableClock
from tests.integration.reporting.conftest import NOW, as_role, noted_rests

TODAY = date(2022, 2, 7)
CENTRE = as_role(Role.CENTRAL_ADMINISTRATOR, "")
Day = tuple[str, date, int, int, int]
"""Subdistrict, day, submissions, households and revisits, as they are added."""

PUT_DAYS = """
INSERT INTO survey_day AS d (subdistrict, day, submissions, households, revisits)
SELECT * FROM unnest($1::text[], $2::date[], $3::bigint[], $4::bigint[], $5::bigint[])
ON CONFLICT (subdistrict, day) DO UPDATE SET submissions = d.submissions + excluded.submissions,
    households = d.households + excluded.households, revisits = d.revisits + excluded.revisits
"""
SUM_UP = """
INSERT INTO survey_subdistrict AS s (subdistrict, submissions, households, revisits)
SELECT subdistrict, sum(submissions), sum(households), sum(revisits) FROM survey_day GROUP BY subdistrict
ON CONFLICT (subdistrict) DO UPDATE SET submissions = excluded.submissions, households = excluded.households,
    revisits = excluded.revisits
"""


async def put(pool: Pool, days: Iterable[Day]) -> None:
    """Adds to the figures as the projector does: to the days and to their sums."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(PUT_DAYS, *(list(column) for column in zip(*days, strict=True)))
        await connection.execute(SUM_UP)


@pytest.fixture(scope="module")
def refresh(pool: Pool, clock: MovableClock, topics: tuple[Topic, ...]) -> ResultsRefresh:
    """The keeper's duty."""
    return ResultsRefresh(pool, clock, topics[0])


@pytest.fixture
async def empty(pool: Pool) -> None:
    """Nothing has been surveyed."""
    await pool.execute("TRUNCATE survey_day, survey_subdistrict, denominator, volunteer_count")


async def copied(pool: Pool, digits: int) -> dict[tuple[str, date], tuple[int, int, int]]:
    """What the copy has of one level."""
    rows = await pool.fetch(
        "SELECT area, day, submissions, households, revisits FROM result_day WHERE digits = $1", digits
    )
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


async def expected(pool: Pool, digits: int) -> dict[tuple[str, date], tuple[int, int, int]]:
    """What it has to have."""
    rows = await pool.fetch(
        "SELECT left(subdistrict, $1), day, sum(submissions)::int, sum(households)::int, sum(revisits)::int "
        "FROM survey_day GROUP BY 1, 2",
        digits,
    )
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


async def test_the_copy_follows_the_days(
    empty: None, pool: Pool, refresh: ResultsRefresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every turn it holds what the days hold: what is new, changed, erased, or made anew by a rebuild."""
    monkeypatch.setattr("services.reporting.monitor.refresh.MOST_AT_ONCE", 7)
    chance = random.Random(11)
    places = [area.code for area in subdistricts("50")[:25]] + [area.code for area in subdistricts("1001")]
    for _ in range(4):
        some = [
            (place, TODAY - timedelta(days=chance.randrange(20)), chance.randrange(1, 9), chance.randrange(9), 1)
            for place in chance.sample(places, 12)
        ]
        await put(pool, some)
        await refresh.turn()
        for digits in (4, 6):
            assert await copied(pool, digits) == await expected(pool, digits)
    erased = some[0]
    await put(pool, [(erased[0], TODAY, 0, -1, 0)])  # an erasure is no visit
    await refresh.turn()
    assert await copied(pool, 4) == await expected(pool, 4)
    # A rebuild puts another table in its place: here with the same sums, but on other days.
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("ALTER TABLE survey_day RENAME TO survey_day_before")
        await connection.execute("CREATE TABLE survey_day (LIKE survey_day_before INCLUDING ALL)")
        await connection.execute("INSERT INTO survey_day SELECT * FROM survey_day_before")
        await connection.execute("UPDATE survey_day SET day = day - 100")
        await connection.execute("DROP TABLE survey_day_before")
    await refresh.turn()
    for digits in (4, 6):
        assert await copied(pool, digits) == await expected(pool, digits)
    await pool.execute("TRUNCATE survey_day, survey_subdistrict")
    await refresh.turn()
    assert await copied(pool, 4) == await copied(pool, 6) == {}


HOUSES = {"500101": 100, "500102": 40, "500301": 10, "500401": 500}


@pytest.fixture
async def filled(empty: None, pool: Pool, refresh: ResultsRefresh) -> None:
    """Four subdistricts of Chiang Mai: on its way, slow, done, and long without results."""
    ago = [TODAY - timedelta(days=days) for days in range(40)]
    await put(
        pool,
        [
            ("500101", ago[0], 8, 6, 2),
            ("500101", ago[3], 9, 8, 0),
            ("500101", ago[8], 4, 4, 0),
            ("500102", ago[6], 1, 1, 0),
            ("500102", ago[13], 9, 9, 0),
            ("500301", ago[30], 12, 11, 0),
            ("500401", ago[20], 5, 5, 0),
        ],
    )
    await pool.executemany(
        "INSERT INTO denominator VALUES ('houses', $1, '2021-12-31', $2, 'กรมการปกครอง', false, gen_random_uuid())",
        [*HOUSES.items(), ("5001", 140), ("5003", 10), ("5004", 500)],
    )
    await pool.executemany(
        "INSERT INTO volunteer_count VALUES ($1, 'agency', $2, $3, $4)",
        [
            ("5001", "district_coordinator", "approved", 1),
            ("500101", "subdistrict_coordinator", "approved", 2),
            ("500101", "subdistrict_coordinator", "suspended", 1),
            ("500101", "volunteer", "approved", 90),
            ("50", "province_administrator", "approved", 1),
        ],
    )
    await refresh.turn()


async def test_the_copy_rests_behind_each_of_its_transactions(
    empty: None, pool: Pool, clock: MovableClock, topics: tuple[Topic, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rests = noted_rests(monkeypatch, "services.reporting.monitor.refresh")
    monkeypatch.setattr("services.reporting.monitor.refresh.MOST_AT_ONCE", 2)
    await put(pool, [(area.code, TODAY, 1, 1, 0) for area in subdistricts("50")[:5]])
    await ResultsRefresh(pool, clock, topics[0], rests=7).turn()
    assert rests == [(7, MOST_REST_SECONDS)] * 3


async def test_where_an_area_stands(filled: None, client: httpx.AsyncClient) -> None:
    answer = (await client.get("/v1/monitor", params={"area": "50", "level": "subdistrict"}, headers=CENTRE)).json()
    assert answer["period"] == {"first": "2022-02-01", "last": "2022-02-07"}
    assert answer["refreshed_at"] == NOW.isoformat().replace("+00:00", "Z")
    rows = {row["area"]: row for row in answer["rows"]}
    assert len(rows) == len(subdistricts("50")) == answer["summary"]["areas"]
    one = rows["500101"]
    assert (one["state"], one["submissions"], one["surveyed"], one["households"], one["revisits"]) == (
        "some",
        17,
        16,
        14,
        2,
    )
    assert (one["last_day"], one["days_since"], one["week"], one["week_before"]) == ("2022-02-07", 0, 16, 4)
    assert one["trend"] == 3
    assert (one["progress"]["numerator"], one["progress"]["denominator"], one["progress"]["ratio"]) == (18, 100, 0.18)
    assert one["progress"]["source"] == "กรมการปกครอง"
    assert one["pace"] == 2
    assert one["forecast"] == {"state": "expected", "day": "2022-03-20"}  # 82 houses at 2 a day
    assert one["coordinators"] == {"approved": 2, "suspended": 1}
    assert (rows["500102"]["week"], rows["500102"]["week_before"], rows["500102"]["days_since"]) == (1, 9, 6)
    # More households than houses are said, not clipped.
    done = rows["500301"]
    assert (done["state"], done["progress"]["ratio"], done["forecast"]["state"]) == ("complete", 1.1, "complete")
    assert (rows["500401"]["state"], rows["500401"]["days_since"]) == ("none", 20)
    assert rows["500401"]["forecast"] == {"state": "standing", "day": None}
    assert (rows["500203"]["state"], rows["500203"]["last_day"]) == ("never", None)
    assert rows["500203"]["forecast"]["state"] == "no_houses"
    # Never any, then the longest ago, then the smallest part of the houses; what is done comes last.
    order = [row["area"] for row in answer["rows"] if row["area"] in HOUSES]
    assert order == ["500401", "500102", "500101", "500301"]
    assert [row["rank"] for row in answer["rows"]] == list(range(1, len(rows) + 1))
    assert answer["rows"][0]["state"] == "never"


async def test_wider_areas_are_the_sums_of_those_inside(filled: None, client: httpx.AsyncClient) -> None:
    """Provinces and districts by their own sums; a coordinator counts where he is and above."""
    params = {"area": "50", "level": "district"}
    districts = (await client.get("/v1/monitor", params=params, headers=CENTRE)).json()
    found = {row["area"]: row for row in districts["rows"]}
    assert len(found) == len(children("50"))
    assert (found["5001"]["surveyed"], found["5001"]["progress"]["numerator"]) == (17, 28)
    assert found["5001"]["coordinators"] == {"approved": 3, "suspended": 1}
    provinces = (await client.get("/v1/monitor", headers=CENTRE)).json()
    assert len(provinces["rows"]) == 77
    row = next(row for row in provinces["rows"] if row["area"] == "50")
    assert (row["surveyed"], row["progress"]["numerator"], row["rank"]) == (17, 44, 77)
    country = (await client.get("/v1/monitor", params={"level": "country"}, headers=CENTRE)).json()
    assert [(one["area"], one["surveyed"]) for one in country["rows"]] == [("", 17)]


async def test_a_period_of_the_past_and_few_results(filled: None, client: httpx.AsyncClient) -> None:
    params = {"area": "50", "level": "subdistrict", "from": "2022-01-18", "to": "2022-01-31"}
    answer = (await client.get("/v1/monitor", params=params, headers=CENTRE)).json()
    rows = {row["area"]: row for row in answer["rows"]}
    # Until then the last result of the first subdistrict was of the 30th, and of what came later nothing is known.
    assert (rows["500101"]["surveyed"], rows["500101"]["days_since"], rows["500101"]["progress"]["numerator"]) == (
        4,
        1,
        4,
    )
    assert (rows["500102"]["surveyed"], rows["500401"]["surveyed"]) == (9, 5)
    few = (await client.get("/v1/monitor", params=params | {"at_most": "4"}, headers=CENTRE)).json()
    shown = {row["area"] for row in few["rows"]}
    assert "500101" in shown
    assert not shown & {"500102", "500401", "500301"}
    assert few["summary"] == {
        "areas": len(rows),
        "never": len(rows) - 4,
        "none": 0,
        "few": 1,
        "some": 2,
        "complete": 1,
        "surveyed": 18,
    }
    none = (await client.get("/v1/monitor", params=params | {"at_most": "0"}, headers=CENTRE)).json()
    assert {row["state"] for row in none["rows"]} == {"never"}


async def test_rows_by_page(filled: None, client: httpx.AsyncClient) -> None:
    """Every area once."""
    seen: Counter[str] = Counter()
    cursor: str | None = None
    while True:
        params = {"area": "50", "level": "subdistrict", "limit": "50"} | ({"cursor": cursor} if cursor else {})
        answer = (await client.get("/v1/monitor", params=params, headers=CENTRE)).json()
        seen.update(row["area"] for row in answer["rows"])
        cursor = answer["cursor"]
        if cursor is None:
            break
    assert seen == Counter(area.code for area in subdistricts("50"))


async def test_the_list_to_download(filled: None, client: httpx.AsyncClient) -> None:
    """The same rows, in Thai or English, that a spreadsheet opens."""
    params = {"area": "50", "level": "subdistrict", "at_most": "2"}
    thai = {**CENTRE, "Accept-Language": "th"}
    answer = await client.get("/v1/monitor.csv", params=params, headers=thai)
    assert 'filename="monitor-50-subdistrict-2022-02-07.csv"' in answer.headers["content-disposition"]
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("ลำดับ,รหัสพื้นที่,จังหวัด,")
    assert len(lines) == 1 + len((await client.get("/v1/monitor", params=params, headers=CENTRE)).json()["rows"])
    assert any(",500401,เชียงใหม่," in line and ",ไม่มีผลในช่วงนี้," in line for line in lines)
    book = await client.get("/v1/monitor.xlsx", params=params, headers=CENTRE)
    cells = list(openpyxl.load_workbook(io.BytesIO(book.content)).active.values)  # type: ignore[union-attr]
    assert cells[0][:3] == ("Rank", "Area code", "Province")
    assert len(cells) == len(lines)
    assert next(row for row in cells if row[1] == "500102")[6:8] == (1, 1)


async def test_who_reads_it_where(filled: None, client: httpx.AsyncClient) -> None:
    """Those who see exact figures, in their own area, which is what they get without naming one."""
    own = (await client.get("/v1/monitor", headers=as_role(Role.DISTRICT_COORDINATOR, "5001"))).json()
    assert (own["area"], own["level"]) == ("5001", "subdistrict")
    elsewhere = await client.get(
        "/v1/monitor", params={"area": "51"}, headers=as_role(Role.PROVINCE_ADMINISTRATOR, "50")
    )
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "other_area")
    assert (await client.get("/v1/monitor", headers=as_role(Role.VOLUNTEER, "500101"))).status_code == 403


async def test_before_the_first_copy_it_is_said(empty: None, pool: Pool, client: httpx.AsyncClient) -> None:
    await pool.execute("TRUNCATE result_day, result_seen, result_refresh")
    answer = (await client.get("/v1/monitor", headers=CENTRE)).json()
    assert answer["refreshed_at"] is None
    name = next(name for name in answer["as_of"] if name.startswith("survey-submitted"))
    assert answer["as_of"][name] == {"time": None, "lag": None, "lag_measured_at": None, "filling": False}
    assert answer["summary"]["never"] == 77


async def test_how_new_it_is(
    empty: None, pool: Pool, refresh: ResultsRefresh, client: httpx.AsyncClient, topics: tuple[Topic, ...]
) -> None:
    """As new as the copy was, not as the figures are by now."""
    newest = datetime(2022, 2, 7, 1, 59, tzinfo=UTC)
    note = (
        "INSERT INTO stream_progress VALUES ($1, $2, 1, $2) ON CONFLICT (topic) DO UPDATE SET newest = excluded.newest"
    )
    await pool.execute(note, topics[0].name, newest)
    await refresh.turn()
    await pool.execute(note, topics[0].name, newest + timedelta(minutes=5))
    answer = (await client.get("/v1/monitor", headers=CENTRE)).json()
    assert answer["as_of"][topics[0].name]["time"] == "2022-02-07T01:59:00Z"
