"""Vaccination points: the copy of the register's stream, what is near, and appointments against capacity."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

import shared.contracts
from services.survey.visits.keeping import VaccinationPoints
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.topics import FACILITY_UPDATED, Topic
from shared.kafka.producer import create_producer
from tests.integration.survey.conftest import NOW
from tests.integration.survey.visits.conftest import CENTRE, VOLUNTEER, Visits, by
from tests.runtime import Runtime

POINTS = "/v1/vaccination-points"
DAY = timedelta(days=1)
DEADLINE_SECONDS = 60.0
CREATED = Path(next(iter(shared.contracts.__path__))) / "examples" / "facility-updated" / "created.json"
BODY: dict[str, Any] = json.loads(CREATED.read_text())["body"]


def state(facility_id: UUID, revision: int, **changes: Any) -> dict[str, Any]:
    """A place as the register tells of it."""
    return BODY | {"facility_id": str(facility_id), "revision": revision} | changes


async def publish(runtime: Runtime, topic: Topic, *states: dict[str, Any]) -> None:
    """Tells these in one partition, in order; a text is told as it is."""
    producer = create_producer(runtime.kafka_settings())
    await producer.start()
    try:
        for sequence, body in enumerate(states, 1):
            envelope = Envelope(
                id=str(uuid4()),
                source=FACILITY_UPDATED.source or "",
                type=FACILITY_UPDATED.event_type or "",
                subject=str(body.get("facility_id", "x")),
                time=NOW,
                sequence=sequence,
                previous=sequence - 1 or None,
                dataschema=FACILITY_UPDATED.dataschema or "",
            )
            await producer.send_and_wait(
                topic.name, json.dumps(body).encode(), partition=0, headers=to_headers(envelope), key=b"k"
            )
    finally:
        await producer.stop()


async def test_the_copy_follows_the_register_and_outlives_what_cannot_be_read(visits: Visits, runtime: Runtime) -> None:
    topic = runtime.create_topic(FACILITY_UPDATED, partitions=1)
    kept, moved, other, became = (uuid4() for _ in range(4))
    await publish(
        runtime,
        topic,
        state(kept, 1),
        state(kept, 3, name="ชื่อใหม่", capacity=40, status="suspended"),
        state(moved, 1, area="500102", position=None),
        {"facility_id": "no place"},
        state(kept, 2, name="มาช้า"),
        state(other, 1, kind="hospital"),
        state(became, 1),
        state(became, 2, kind="hospital"),
    )
    stopping = asyncio.Event()
    copy = VaccinationPoints(runtime.kafka_settings(), visits.pool, topic)
    running = asyncio.create_task(copy.run(stopping))
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while await visits.pool.fetchval("SELECT coalesce(max(next_offset), 0) FROM consumer_position") < 8:
                await asyncio.sleep(0.05)
            assert copy.connected
    finally:
        stopping.set()
        await running
    rows = await visits.pool.fetch("SELECT * FROM vaccination_point ORDER BY revision DESC")
    assert [(row["facility_id"], row["name"], row["capacity"], row["status"]) for row in rows] == [
        (kept, "ชื่อใหม่", 40, "suspended"),
        (moved, BODY["name"], 500, "open"),
    ]
    assert (rows[1]["area"], rows[1]["lat"]) == ("500102", None)
    assert await visits.pool.fetchval("SELECT count(*) FROM dead_letter") == 1
    async with visits.client() as client:
        items = (await client.get(POINTS, headers=VOLUNTEER)).json()["items"]
    assert [(item["name"], item["hours"], item["hours_note"]) for item in items] == [
        ("ชื่อใหม่", BODY["hours"], BODY["hours_note"])
    ]


async def test_trouble_with_the_stream_ends_nothing_else(
    visits: Visits, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = asyncio.Event()
    copy = VaccinationPoints(runtime.kafka_settings(), visits.pool)
    failed = asyncio.Event()

    async def fail(_: asyncio.Event) -> None:
        failed.set()
        raise RuntimeError

    monkeypatch.setattr(copy._consumer, "run", fail)
    running = asyncio.create_task(copy.run(stopping))
    async with asyncio.timeout(DEADLINE_SECONDS):
        await failed.wait()
    assert not running.done()
    stopping.set()
    await running


async def test_points_of_an_area_or_the_nearest_also_beyond_the_own_area(visits: Visits) -> None:
    await visits.point("ข ใกล้", lat=18.79, lon=98.98)
    await visits.point("ก ไกล", lat=18.90, lon=98.98)
    await visits.point("จังหวัดอื่น", area="510101", lat=18.60, lon=99.0)
    await visits.point("ไม่มีพิกัด", capacity=None)
    await visits.point("ปิดแล้ว", lat=18.78, lon=98.98, status="closed")
    async with visits.client() as client:

        async def points(**query: str) -> list[tuple[str, int | None]]:
            answer = await client.get(POINTS, headers=VOLUNTEER, params=query)
            assert answer.status_code == 200, answer.text
            return [(item["name"], item["metres"]) for item in answer.json()["items"]]

        assert await points() == [("ก ไกล", None), ("ข ใกล้", None), ("ไม่มีพิกัด", None)]
        assert await points(area="51") == [("จังหวัดอื่น", None)]
        near = [("ข ใกล้", 1112), ("ก ไกล", 13343), ("จังหวัดอื่น", 20126)]
        assert await points(near="18.78,98.98") == near
        assert await points(near="๑๘.๗๘, ๙๘.๙๘") == near
        for query, path in (
            ({"near": "18.78"}, "near"),
            ({"near": "91,0"}, "near"),
            ({"near": "1,2", "area": "50"}, "near"),
            ({"area": "999999"}, "area"),
        ):
            answer = await client.get(POINTS, headers=VOLUNTEER, params=query)
            assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, path)
        assert (await client.get(POINTS, headers=by("place_officer", "50", 1))).status_code == 403


async def test_appointments_are_counted_by_day_against_what_the_point_takes(visits: Visits) -> None:
    point, unknown = await visits.point("จุดฉีด", capacity=2), await visits.point("ไม่ทราบ", capacity=None)
    late_evening = NOW.replace(hour=16, minute=30)  # 23:30 in Thailand
    for number, (at, facility, status) in enumerate(
        [
            (NOW + DAY, point, "appointed"),
            (late_evening + DAY, point, "appointed"),
            (late_evening + DAY + timedelta(minutes=20), point, "appointed"),
            (late_evening + DAY + timedelta(minutes=40), point, "appointed"),  # the next day in Thailand
            (NOW + DAY, point, "vaccinated"),
            (NOW - DAY, point, "appointed"),
            (NOW + 40 * DAY, point, "appointed"),
            (NOW + DAY, unknown, "appointed"),
        ]
    ):
        person = {"name": f"คน{number}", "status": status, "due_at": at, "facility_id": facility}
        await visits.survey(person, area="510101")
    async with visits.client() as client:
        items = (await client.get(POINTS, headers=CENTRE, params={"area": "50"})).json()["items"]
    assert {item["name"]: item["days"] for item in items} == {
        "จุดฉีด": [
            {"day": "2022-02-06", "booked": 3, "over": True},
            {"day": "2022-02-07", "booked": 1, "over": False},
        ],
        "ไม่ทราบ": [{"day": "2022-02-06", "booked": 1, "over": False}],
    }
