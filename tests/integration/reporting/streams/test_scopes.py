"""Who gets what: the right, the area of the token, `area=`, and what moves from one area to another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.reporting.store import Pool
from shared.contracts.events import (
    FacilityUpdated,
    HelpStatus,
    HelpUpdated,
    OrganisationKind,
    Role,
    SurveySubmitted,
    VolunteerBefore,
    VolunteerRegistered,
    VolunteerStatus,
)
from shared.contracts.topics import PUBLIC
from shared.observability.clock import MovableClock
from tests.integration.reporting.conftest import NOW, Streams
from tests.integration.reporting.streams.outside import CONTROL, Outside
from tests.integration.reporting.streams.service import Service, at_work
from tests.integration.reporting.test_figures import place
from tests.runtime import Runtime

AREAS = ("500101", "500102", "500201", "100101")
SCOPES = ("", "50", "5001", "500101", "10", "1001", "90")
READERS = {Role.EXTERNAL_SYSTEM, Role.CENTRAL_ADMINISTRATOR, Role.PROVINCE_ADMINISTRATOR}
MOVING = UUID(int=77)


def person(number: int, area: str, before: str | None, revision: int = 1) -> VolunteerRegistered:
    """A volunteer of an area, and of another one before."""
    status, kind = VolunteerStatus.APPROVED, OrganisationKind.AGENCY
    held = None
    if before is not None:
        held = VolunteerBefore(
            status=status, area=before, role=Role.VOLUNTEER, organisation_id=None, organisation_kind=kind
        )
    return VolunteerRegistered(
        volunteer_id=UUID(int=number),
        organisation_id=None,
        organisation_kind=kind,
        area=area,
        role=Role.VOLUNTEER,
        status=status,
        registered_at=NOW,
        revision=revision,
        before=held,
    )


def help_of(number: int, area: str) -> HelpUpdated:
    """A request for help."""
    return HelpUpdated(
        request_id=UUID(int=number),
        kind="medicine",
        area=area,
        status=HelpStatus.WAITING,
        before=None,
        deadline=None,
        updated_at=NOW,
        revision=1,
    )


VOLUNTEERS = [
    *(person(number, AREAS[number % len(AREAS)], None) for number in range(20)),
    person(77, "5001", None),
    person(77, "10", "5001", 2),  # leaves the province: both are told of it
    person(77, "", "10", 3),
    person(77, "500201", "", 4),
]
HELP = [help_of(number, AREAS[number % len(AREAS)]) for number in range(12)]
PLACES = [place(number) for number in range(10)]


def inside(event: VolunteerRegistered | HelpUpdated | FacilityUpdated, scope: str) -> bool:
    """Whether the event belongs to the scope."""
    return any(each is not None and each.area.startswith(scope) for each in (event, event.before))


@pytest.fixture(scope="module", autouse=True)
async def written(streams: Streams) -> None:
    """Events of several areas in three streams."""
    for event in VOLUNTEERS:
        await streams.write(event, key=str(event.volunteer_id))
    for request in HELP:
        await streams.write(request, key=str(request.request_id))
    for facility in PLACES:
        await streams.write(facility, key=str(facility.facility_id))


Event = VolunteerRegistered | HelpUpdated | FacilityUpdated
EVENTS: dict[type[Event], Sequence[Event]] = {
    VolunteerRegistered: VOLUNTEERS,
    HelpUpdated: HELP,
    FacilityUpdated: PLACES,
}


def name(data: dict[str, Any]) -> str:
    """What names an event: its entity and revision."""
    return f"{next(data[field] for field in data if field.endswith('_id'))} {data['revision']}"


@pytest.mark.parametrize("model", [VolunteerRegistered, HelpUpdated, FacilityUpdated])
@pytest.mark.parametrize("scope", SCOPES)
async def test_each_scope_gets_its_events_and_no_others(
    service: Service, streams: Streams, model: type[Event], scope: str
) -> None:
    """Whether the token or `area=` makes the scope. Sequences go on without a hole, whatever happens elsewhere."""
    topic = streams.of(model)
    wanted = sorted(name(event.model_dump(mode="json")) for event in EVENTS[model] if inside(event, scope))
    for account, asked in ((f"external_system@{scope}", None), ("external_system@", scope or None)):
        async with service.client(account) as client:
            outside = Outside(client, topic.name, asked)
            found = [event async for event in outside.lines()]
            told = [event for event in found if not event["type"].startswith(CONTROL)]
            assert sorted(name(event["data"]) for event in told) == wanted
            await outside.to_the_end(limit=3)
            assert (len(outside.kept.ids), outside.gaps) == (len(wanted), [])
            if scope:
                of_partition: dict[int, list[int]] = {}
                for event in told:
                    of_partition.setdefault(event["partition"], []).append(int(event["sequence"]))
                assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in of_partition.values())


async def test_what_others_publish_changes_nothing_that_is_said(service: Service, streams: Streams) -> None:
    """To a subscriber of one district the answer is the same but for cursors, ids and times of the notices."""
    topic = streams.of(HelpUpdated)
    async with service.client("external_system@5002") as client:

        async def said() -> list[tuple[object, ...]]:
            """In the order of the partitions: how they are mixed is Kafka's affair."""
            found: list[tuple[object, ...]] = []
            async for event in Outside(client, topic.name).lines():
                data = event["data"]
                if event["type"].startswith(CONTROL):
                    found.append((99, event["type"], data["number"], len(data["cursor"])))
                else:
                    found.append((event["partition"], event["sequence"], event["previous"], event["id"], str(data)))
            return sorted(found, key=repr)

        before = await said()
        for number in range(1_000, 1_150):
            event = help_of(number, "100101")
            await streams.write(event, key=str(event.request_id))
        assert await said() == before
    async with service.client("external_system@100101") as client:
        outside = Outside(client, topic.name)
        await outside.to_the_end()
        assert len(outside.kept.ids) > 150


@pytest.mark.parametrize("role", Role)
async def test_only_systems_and_administrators_read(service: Service, streams: Streams, role: Role) -> None:
    """Everybody else is refused, as are areas beside one's own."""
    url = f"/v1/streams/{streams.of(SurveySubmitted).name}/events"
    async with service.client(f"{role}@50") as client:
        for path in ("/v1/streams", url):
            answered = await client.get(path)
            assert answered.status_code == (200 if role in READERS else 403)
        if role in READERS:
            for area in ("10", "", "51"):
                refused = await client.get(url, params={"area": area})
                assert (refused.status_code, refused.json()["code"]) == (403, "other_area")
    async with service.client() as client:
        client.headers.pop("Authorization")
        assert (await client.get(url)).status_code == 401


async def test_which_streams_there_are(service: Service, streams: Streams) -> None:
    """The public ones, and never what is sealed."""
    async with service.client("external_system@50") as client:
        answer = (await client.get("/v1/streams")).json()
        assert answer["area"] == "50"
        assert {each["stream"] for each in answer["streams"]} == {topic.name for topic in streams.topics}
        for each in answer["streams"]:
            assert each["begin"].keys() == {"start", "end", "time", "cursor"}
            assert (await client.get(each["begin"]["start"])).status_code == 200
            assert (await client.get(each["begin"]["time"].format(time=NOW.isoformat()))).status_code == 200
        unknown = await client.get("/v1/streams/survey-intake/events")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_stream")


async def test_the_services_own_rights_in_kafka_suffice(
    runtime: Runtime, pool: Pool, clock: MovableClock, assets: Path
) -> None:
    """Of every public stream as it is provisioned, not of a test's."""
    settings = runtime.kafka_settings("reporting")
    async with at_work(settings, pool, clock, PUBLIC, assets) as service, service.client() as client:
        for topic in PUBLIC:
            outside = Outside(client, topic.name, start=NOW.isoformat())
            await outside.to_the_end(limit=100)
            assert outside.kept.cursor is not None
