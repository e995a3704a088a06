"""The keys that phones leave with the service."""

import base64
import os
from datetime import timedelta
from uuid import UUID, uuid4

import httpx

from services.survey.phone.store import MOST_DEVICES
from tests.integration.survey.conftest import Survey

MINE, OTHERS = {"Authorization": "Bearer volunteer@500101@7"}, {"Authorization": "Bearer volunteer@500101@9"}


async def put(client: httpx.AsyncClient, device: UUID, key: bytes, headers: dict[str, str] = MINE) -> int:
    body = {"key": base64.b64encode(key).decode()}
    return (await client.put(f"/v1/device-keys/{device}", json=body, headers=headers)).status_code


async def get(client: httpx.AsyncClient, device: UUID, headers: dict[str, str] = MINE) -> bytes | None:
    answer = await client.get(f"/v1/device-keys/{device}", headers=headers)
    return base64.b64decode(answer.json()["key"]) if answer.status_code == 200 else None


async def test_a_phone_gets_its_latest_key_back_and_nobody_else_does(survey: Survey) -> None:
    device, key = uuid4(), os.urandom(32)
    async with survey.client() as client:
        assert await get(client, device) is None
        assert await put(client, device, os.urandom(32)) == 204
        assert await put(client, device, key) == 204
        assert await get(client, device) == key
        assert await get(client, device, OTHERS) is None
        assert await get(client, uuid4()) is None
    [stored] = await survey.pool.fetch("SELECT wrapped_key, sealed FROM device_key")
    assert key not in stored["wrapped_key"]
    assert key not in stored["sealed"]


async def test_of_many_phones_the_one_used_least_recently_is_forgotten(survey: Survey) -> None:
    devices = [UUID(int=number) for number in range(MOST_DEVICES + 1)]
    async with survey.client() as client:
        for device in devices[:-1]:
            await put(client, device, device.bytes * 2)
            survey.clock.advance(timedelta(minutes=1))
        assert await get(client, devices[0]) is not None  # the oldest is in use again
        survey.clock.advance(timedelta(minutes=1))
        await put(client, devices[-1], devices[-1].bytes * 2)
        assert [await get(client, device) is not None for device in devices] == [True, False, True, True, True, True]


async def test_what_is_no_key_is_refused(survey: Survey) -> None:
    async with survey.client() as client:
        for key in ("", "x", base64.b64encode(b"short").decode()):
            answer = await client.put(f"/v1/device-keys/{uuid4()}", json={"key": key}, headers=MINE)
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["code"] == "not_a_key"
        officer = {"Authorization": "Bearer place_officer@500101@7"}
        assert await put(client, uuid4(), os.urandom(32), officer) == 403
    assert await survey.pool.fetchval("SELECT count(*) FROM device_key") == 0
