"""Endpoints that lead into our own network, at once or later, by their name, a redirect, or an endless answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from starlette.responses import RedirectResponse, Response, StreamingResponse

from shared.contracts.events import HelpUpdated
from shared.contracts.topics import Topic
from tests.integration.reporting.conftest import Streams, eventually
from tests.integration.reporting.streams.service import Service
from tests.integration.reporting.streams.test_scopes import HELP
from tests.integration.reporting.webhooks.receiver import VERIFICATION, Receiver, receiving
from tests.integration.reporting.webhooks.sending import Sending, comes_to, subscribe


@pytest.fixture(scope="module", autouse=True)
async def written(streams: Streams) -> Topic:
    """A stream."""
    for request in HELP:
        await streams.write(request, key=str(request.request_id))
    return streams.of(HelpUpdated)


async def fails(service: Service, account: str, made: str, cause: str) -> dict[str, Any]:
    """Waits for a failure of a subscription by this cause; before it may come others, such as a machine too slow."""
    found: list[dict[str, Any]] = []
    async with service.client(account) as client:

        async def there() -> bool:
            failures = (await client.get(f"/v1/subscriptions/{made}/failures")).json()["failures"]
            found.extend(each for each in failures if each["cause"] == cause)
            return bool(found)

        await eventually(there, f"it has failed by {cause}")
    return found[0]


async def subscribed(service: Service, account: str, receiver: Receiver, topic: Topic, url: str | None = None) -> str:
    """A subscription from the stream's start."""
    async with service.client(account) as client:
        more = {} if url is None else {"url": url}
        return await subscribe(client, receiver, [topic.name], **{"from": "start"}, **more)


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["127.0.0.1", "192.168.0.1"], ["169.254.169.254"], ["::ffff:10.0.0.1"]]
)
async def test_a_name_that_leads_inside_is_never_connected_to(
    service: Service, sending: Sending, receiver: Receiver, written: Topic, addresses: Sequence[str]
) -> None:
    """Not even when only one of its addresses does."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        assert host == "hospital.example"
        return addresses

    sending.resolve = resolve
    account = f"external_system@@inside {addresses}"
    made = await subscribed(service, account, receiver, written, f"http://hospital.example:{receiver.port}/hook")
    await fails(service, account, made, "address_refused")
    assert receiver.requests == 0


async def test_a_name_that_changes_its_mind_is_refused_from_then_on(
    service: Service, sending: Sending, receiver: Receiver, written: Topic
) -> None:
    """Verified at a good address; at the next connection the name leads inside."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["10.0.0.1"] if receiver.requests else ["127.0.0.1"]

    sending.resolve = resolve
    account = "external_system@@rebinding"
    made = await subscribed(service, account, receiver, written, f"http://hospital.example:{receiver.port}/hook")
    await fails(service, account, made, "address_refused")
    assert (receiver.requests, receiver.accepted) == (1, [])
    assert len(asked) >= 2  # for each connection anew; it may have been tried again meanwhile


async def test_a_name_that_does_not_exist_fails_by_that(
    service: Service, sending: Sending, receiver: Receiver, written: Topic
) -> None:
    """And not the whole process."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    sending.resolve = resolve
    account = "external_system@@nameless"
    made = await subscribed(service, account, receiver, written, "http://hospital.example/hook")
    await fails(service, account, made, "name_not_found")


async def test_redirects_are_not_followed(
    service: Service, sending: Sending, receiver: Receiver, written: Topic
) -> None:
    """The other place is never asked."""
    async with receiving() as other:
        receiver.fault = lambda event: None if event["type"] == VERIFICATION else RedirectResponse(other.url, 307)
        account = "external_system@@redirected"
        made = await subscribed(service, account, receiver, written)
        found = await fails(service, account, made, "redirect")
        assert (found["status"], other.requests) == (307, 0)


async def _drops() -> AsyncIterator[bytes]:
    for _ in range(50):
        yield b" "
        await asyncio.sleep(0.1)


async def _floods() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b" " * 65_536
        await asyncio.sleep(0)


async def test_an_answer_that_does_not_end_is_ended(
    service: Service, sending: Sending, receiver: Receiver, written: Topic
) -> None:
    """One that drips by the time, one that floods by its size: of that no more is read than is needed."""
    receiver.fault = lambda event: None if event["type"] == VERIFICATION else StreamingResponse(_drops())
    account = "external_system@@dripping"
    made = await subscribed(service, account, receiver, written)
    await fails(service, account, made, "timeout")

    async with receiving() as other:

        def floods(event: Any) -> Response | None:
            if event["type"] != VERIFICATION:
                other.accepted.append(event)
                return StreamingResponse(_floods())
            return None

        other.fault = floods
        async with service.client("external_system@@flooding") as client:
            made = await subscribe(client, other, [written.name], **{"from": "start"})

            async def all_there() -> bool:
                return len(other.accepted) == len(HELP)

            await eventually(all_there, "all are delivered")
            await comes_to(client, made, "active")
