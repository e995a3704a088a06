"""Figures of requests for help: from the events alone, exact, and withheld where few asked."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median_low
from typing import Any
from uuid import UUID

import httpx

from services.reporting.projector import FiguresProjection
from services.reporting.store import Pool
from shared.contracts.events import HelpBefore, HelpStatus, HelpUpdated, Role
from shared.contracts.topics import HELP_UPDATED
from shared.kafka.projection import Event
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire
from tests.integration.reporting.conftest import NOW, as_role

AREAS = ("500101", "500102", "500103", "500201", "100101")
OPEN = (HelpStatus.WAITING, HelpStatus.ACCEPTED, HelpStatus.HELPING)
COURSES = (
    (HelpStatus.WAITING,),
    (HelpStatus.WAITING, HelpStatus.ACCEPTED),
    (HelpStatus.WAITING, HelpStatus.ACCEPTED, HelpStatus.HELPING),
    (HelpStatus.WAITING, HelpStatus.ACCEPTED, HelpStatus.HELPING, HelpStatus.DONE),
    (HelpStatus.WAITING, HelpStatus.CANCELLED),
    (HelpStatus.WAITING, HelpStatus.ACCEPTED, HelpStatus.WAITING, HelpStatus.EXPIRED),
)


def course(chance: random.Random, number: int, area: str) -> list[HelpUpdated]:
    """All that happens to one request."""
    asked_at = NOW - timedelta(days=chance.randrange(50), minutes=chance.randrange(1, 500))
    moment, accepted_at, before = asked_at, None, None
    events: list[HelpUpdated] = []
    for revision, status in enumerate(chance.choice(COURSES), 1):
        if status is HelpStatus.ACCEPTED:
            accepted_at = accepted_at or moment
        deadline = moment + timedelta(hours=chance.randrange(1, 2_000)) if status in OPEN else None
        event = HelpUpdated(
            request_id=UUID(int=number),
            kind=chance.choice(("oxygen", "food")) if not events else events[0].kind,
            area=area,
            status=status,
            before=before,
            deadline=deadline,
            updated_at=moment,
            revision=revision,
            asked_at=asked_at,
            accepted_at=accepted_at,
        )
        events.append(event)
        before = HelpBefore(kind=event.kind, area=area, status=status, deadline=deadline)
        moment += timedelta(seconds=chance.randrange(1, 9_000))
    return events


async def applied(pool: Pool, events: Sequence[HelpUpdated], size: int) -> None:
    """What the projector does with them, in batches."""
    projection = FiguresProjection()
    for start in range(0, len(events), size):
        async with acquire(pool) as connection, connection.transaction():
            await projection.apply(
                connection,
                [Event(HELP_UPDATED.name, 1, 0, each) for each in events[start : start + size]],
            )


def expected(events: Sequence[HelpUpdated], prefix: str, now: datetime) -> dict[str, Any]:
    """The figures of an area, counted from the last event of each request."""
    last = {event.request_id: event for event in events if event.area.startswith(prefix)}.values()
    statuses = Counter(event.status for event in last)
    lately = [event for event in last if event.accepted_at and event.accepted_at > now - timedelta(days=30)]
    waits = [
        int((event.accepted_at - event.asked_at).total_seconds())
        for event in lately
        if event.accepted_at and event.asked_at
    ]
    return {
        "asked": len(last),
        "open": sum(statuses[status] for status in OPEN),
        "waiting": statuses[HelpStatus.WAITING],
        "accepted": statuses[HelpStatus.ACCEPTED],
        "helping": statuses[HelpStatus.HELPING],
        "done": statuses[HelpStatus.DONE],
        "overdue": sum(event.deadline is not None and event.deadline < now for event in last),
        "accepted_lately": len(lately),
        "median_seconds": median_low(waits) if waits else None,
    }


async def shown(client: httpx.AsyncClient, level: str, **more: Any) -> dict[str, dict[str, Any]]:
    answer = await client.get("/v1/help", params={"level": level}, **more)
    assert answer.status_code == 200, answer.text
    assert answer.json()["median_days"] == 30
    return {row["area"]: row for row in answer.json()["rows"]}


async def test_figures_are_those_of_the_last_events_in_whatever_batches(
    pool: Pool, client: httpx.AsyncClient, clock: MovableClock
) -> None:
    """Every order that keeps each request's own gives the same; so do repetitions that the consumer would drop."""
    chance = random.Random(8)
    courses = [course(chance, number, chance.choice(AREAS)) for number in range(1, 201)]
    queues, events = [list(each) for each in courses], list[HelpUpdated]()
    while queues:
        queue = chance.choice(queues)
        events.append(queue.pop(0))
        queues = [each for each in queues if each]
    await applied(pool, events, 37)
    exact = {"headers": as_role(Role.EXTERNAL_SYSTEM, "")}
    for level, digits in (("province", 2), ("district", 4), ("subdistrict", 6)):
        found = await shown(client, level, **exact)
        for prefix in {area[:digits] for area in AREAS}:
            wanted = expected(events, prefix, clock.now())
            assert {name: found[prefix][name] for name in wanted} == wanted, (level, prefix)
    before = (await shown(client, "province"))["50"]["overdue"]
    clock.advance(timedelta(days=400))
    later = (await shown(client, "province"))["50"]
    assert (later["overdue"], later["median_seconds"]) == (later["open"], None)
    assert before < later["overdue"]
    clock.advance(-timedelta(days=400))


async def test_few_are_withheld_from_everybody_but_their_coordinators(pool: Pool, client: httpx.AsyncClient) -> None:
    chance = random.Random(9)
    numbers = {"570101": 2, "570102": 9, "570103": 30}
    events = defaultdict[str, list[HelpUpdated]](list)
    for number, area in enumerate([area for area, many in numbers.items() for _ in range(many)], 10_000):
        events[area] += course(chance, number, area)
    await applied(pool, [event for each in events.values() for event in each], 100)
    everybody = await shown(client, "subdistrict")
    assert everybody["570101"]["suppressed"]
    assert everybody["570101"]["asked"] is None
    assert everybody["570101"]["median_seconds"] is None
    hidden = [area for area in numbers if everybody[area]["suppressed"]]
    assert sum(numbers[area] for area in hidden) >= 10
    coordinator = await shown(client, "subdistrict", headers=as_role(Role.DISTRICT_COORDINATOR, "5701"))
    assert [coordinator[area]["asked"] for area in numbers] == [2, 9, 30]
    picture = (await client.get("/v1/picture", params={"area": "5701"})).json()["areas"]
    assert picture["5701"]["help_asked"] == 41
    assert [picture[area]["help"] is None for area in numbers] == [area in hidden for area in numbers]
