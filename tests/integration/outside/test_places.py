"""Where subscribers' groups are: seen by the keeper, told to the subscriber itself and to the centre, who renew its
password alike."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from services.reporting.ends import StreamEnds
from services.reporting.projector import TOPICS
from services.reporting.receivers.places import Places
from services.reporting.store import Pool
from shared.contracts.events import Role
from shared.contracts.topics import HELP_UPDATED, SURVEY_SUBMITTED
from shared.observability.clock import MovableClock
from tests.integration.outside.actors import Settings
from tests.integration.outside.conftest import fill
from tests.integration.outside.test_register import CENTRE, Register, register
from tests.integration.reporting.conftest import NOW, as_role
from tests.runtime import Runtime

__all__ = ["register"]  # a fixture

S, H = SURVEY_SUBMITTED.name, HELP_UPDATED.name
OWNER = as_role(Role.EXTERNAL_SYSTEM, "")
OTHER = as_role(Role.EXTERNAL_SYSTEM, "50")
ACCOUNT = uuid5(UUID(int=0), "external_system@")


@pytest.fixture(scope="module")
async def made(register: Register) -> AsyncIterator[dict[str, Any]]:
    """A subscriber that belongs to an account."""
    asked = {"name": "hospital", "streams": [S, H], "client_id": str(ACCOUNT)}
    answer: dict[str, Any] = await register.ask("POST", "", asked, 201)
    await register.duty.turn()
    yield answer
    await register.pool.execute("TRUNCATE subscriber_place")


def takes(settings: Settings, group: str, partition: int, count: int) -> None:
    """Reads on in one partition from the group's place, and notes how far it has come."""
    consumer = Consumer({**settings, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    try:
        place = consumer.committed([TopicPartition(S, partition)], timeout=15)[0]
        place.offset = max(place.offset, 0)
        consumer.assign([place])
        taken = 0
        while taken < count:
            record = consumer.poll(15)
            assert record is not None
            assert record.error() is None
            taken += 1
        consumer.commit(offsets=[TopicPartition(S, partition, place.offset + count)], asynchronous=False)
    finally:
        consumer.close()


async def own(client: httpx.AsyncClient, who: dict[str, str] = OWNER) -> dict[str, Any]:
    """What the account is told of itself."""
    answer = await client.get("/v1/receivers/own", headers=who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_lag_grows_with_events_and_shrinks_with_places(
    runtime: Runtime, register: Register, made: dict[str, Any], pool_ends: StreamEnds
) -> None:
    """By group, stream and partition; a partition in which nothing was noted counts from its beginning. Only the
    subscriber itself and the centre are told."""
    attempts, clock = register.attempts(made), MovableClock(NOW)
    places, group = Places(register.pool, runtime.kafka_settings("reporting"), clock), "ext-hospital-1"

    async def seen() -> dict[str, Any]:
        await pool_ends.measure()
        await places.turn()
        (kafka,) = (await own(register.client))["kafka"]
        assert [each["group"] for each in kafka["groups"]] == [group]
        return dict(kafka["groups"][0])

    assert (await own(register.client))["kafka"][0]["groups"] == []
    await asyncio.to_thread(fill, runtime, [S], 5, b"{}", 3)
    await asyncio.to_thread(takes, attempts.settings, group, 3, 2)
    first = await seen()
    at = {each["partition"]: each for each in first["partitions"]}
    assert (at[3]["next_offset"], at[3]["waiting"]) == (2, 3)
    assert at[0]["next_offset"] is None  # the first record of every topic lies there
    assert first["waiting"] == sum(each["waiting"] for each in first["partitions"]) == 3 + at[0]["waiting"]
    assert first["moved_at"] == NOW.isoformat().replace("+00:00", "Z")

    await asyncio.to_thread(fill, runtime, [S], 4, b"{}", 3)
    clock.advance(timedelta(minutes=1))
    grown = await seen()
    assert grown["waiting"] == first["waiting"] + 4
    assert grown["moved_at"] == first["moved_at"]  # looked at, and not moved

    await asyncio.to_thread(takes, attempts.settings, group, 3, 7)
    shrunk = await seen()
    assert shrunk["waiting"] == grown["waiting"] - 7
    assert shrunk["moved_at"] > grown["moved_at"]

    centre = (await register.client.get("/v1/receivers", headers=CENTRE)).json()["receivers"]
    mine = next(each for each in centre if each["receiver"] == str(ACCOUNT))
    assert mine["kafka"][0]["groups"][0]["waiting"] == shrunk["waiting"]
    assert mine["last_at"] == shrunk["moved_at"]
    assert (await own(register.client, OTHER))["kafka"] == []
    assert (await register.client.get("/v1/receivers", headers=OWNER)).status_code == 403


@pytest.fixture
def pool_ends(runtime: Runtime, register: Register) -> StreamEnds:
    """Measures where the streams end."""
    pool: Pool = register.pool
    return StreamEnds(runtime.kafka_settings("reporting"), pool, TOPICS, MovableClock(NOW))


async def test_the_account_renews_its_own_password_and_no_other(register: Register, made: dict[str, Any]) -> None:
    """And looks at its own history and address."""
    path = f"/v1/subscribers/{made['subscriber']['subscriber_id']}"
    for who, method, to in (
        (OTHER, "GET", path),
        (OTHER, "POST", f"{path}/password"),
        (OWNER, "GET", "/v1/subscribers"),
    ):
        assert (await register.client.request(method, to, headers=who)).status_code == 403
    for task in ("grant", "revocation"):
        body = {"reason": "no longer needed"} if task == "revocation" else {"streams": [S]}
        method = "POST" if task == "revocation" else "PUT"
        assert (await register.client.request(method, f"{path}/{task}", headers=OWNER, json=body)).status_code == 403
    renewed = await register.client.post(f"{path}/password", headers=OWNER)
    assert renewed.status_code == 200, renewed.text
    assert renewed.json()["password"] != made["password"]
    await register.duty.turn()
    assert await asyncio.to_thread(register.attempts(renewed.json()).readable) == {S, H}
    told = (await register.client.get(path, headers=OWNER)).json()
    assert [each["change"] for each in told["changes"]] == ["password", "made"]
    assert told["changes"][0]["changed_by"] == str(ACCOUNT)


async def test_an_ended_receiver_is_shut_out_of_kafka_and_stays_on_record(
    register: Register, made: dict[str, Any]
) -> None:
    """For good; what it could read, and until when, is told to administrators of any area."""
    asked = {"reason": "contract ended"}
    for who in (OWNER, as_role(Role.PROVINCE_ADMINISTRATOR, "50")):
        answer = await register.client.post(f"/v1/receivers/{ACCOUNT}/revocation", headers=who, json=asked)
        assert answer.status_code == 403
    for _ in range(2):
        answer = await register.client.post(f"/v1/receivers/{ACCOUNT}/revocation", headers=CENTRE, json=asked)
        assert answer.status_code == 204, answer.text
    await register.duty.turn()
    assert await register.state(made) == "revoked"
    refused = await register.client.get("/v1/receivers/own", headers=OWNER)
    assert (refused.status_code, refused.json()["code"]) == (403, "receiver_revoked")
    again = {"name": "hospital_again", "streams": [S], "client_id": str(ACCOUNT)}
    assert (await register.ask("POST", "", again, 409))["code"] == "taken"
    province = as_role(Role.PROVINCE_ADMINISTRATOR, "50")
    grants = (await register.client.get("/v1/transfers/grants", headers=province)).json()["grants"]
    mine = [each for each in grants if each["name"] == "hospital"]
    assert [(each["client_id"], sorted(each["streams"]), each["until"] is None) for each in mine] == [
        (str(ACCOUNT), sorted([S, H]), False)
    ] * 2  # made, and with another password
    assert (await register.client.get("/v1/transfers/grants", headers=OWNER)).status_code == 403
