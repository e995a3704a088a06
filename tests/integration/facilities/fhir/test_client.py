"""A client that others have written, over a real connection."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from tests.integration.facilities.fhir.conftest import VARIANTS


@pytest.fixture
async def address(client: httpx.AsyncClient, register: dict[str, str]) -> AsyncIterator[str]:
    """Where the register listens."""
    assert register
    transport: Any = client._transport
    server = uvicorn.Server(uvicorn.Config(transport.app, log_config=None, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
        server.should_exit = True
        await serving


async def test_a_client_of_others_reads_searches_and_pages(address: str, register: dict[str, str]) -> None:
    health_system = AsyncFHIRClient(address)
    locations = health_system.resources("Location")
    everything = await locations.limit(2).fetch_all()
    assert {one["id"] for one in everything} == set(register.values())
    assert [one["name"] async for one in locations.search(address_state="กรุงเทพมหานคร")] == ["ศูนย์พักคอย ไม่บอกอะไร"]
    assert await locations.search(status__not="inactive", _lastUpdated__ge="2022-02-07").count() == len(VARIANTS) - 2
    hospital = await locations.search(identifier="10713", type="HOSP").get()
    institution = await health_system.reference(reference=hospital["managingOrganization"]["reference"]).to_resource()
    assert institution["name"] == hospital["name"]
    near = await locations.search(near="18.80|98.98|0.2|km").fetch()
    assert {one["id"] for one in near} == {register["โรงพยาบาลสนาม เต็ม"], register["โรงพยาบาลสนาม ซ้ำ"]}
    with pytest.raises(ResourceNotFound):
        await health_system.reference("Location", "unknown").to_resource()
    with pytest.raises(OperationOutcome, match="wrong_form"):
        await locations.search(near="somewhere").fetch()
