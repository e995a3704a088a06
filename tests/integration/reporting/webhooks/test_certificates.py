"""Deliveries by TLS: to who has a certificate of an authority that is trusted, for the name in the URL, and nobody
else."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from deploy.local.certificates import Certificates
from services.reporting.settings import WebhookSettings
from services.reporting.store import Pool
from services.reporting.webhooks.endpoint import trusted
from shared.contracts.events import HelpUpdated
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from tests.integration.reporting.conftest import Streams, eventually
from tests.integration.reporting.streams.service import Service
from tests.integration.reporting.streams.test_scopes import help_of
from tests.integration.reporting.webhooks.receiver import Receiver
from tests.integration.reporting.webhooks.sending import Accounts, Sending, comes_to, look, subscribe


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The authority that is trusted here, and a certificate of it for `localhost`."""
    certificates = Certificates(tmp_path_factory.mktemp("own"))
    certificates.prepare()
    return certificates


@pytest.fixture
async def sending(
    kafka: KafkaSettings, pool: Pool, clock: MovableClock, topics: Sequence[Topic], own: Certificates
) -> AsyncIterator[Sending]:
    """With that authority in its settings."""
    tls = trusted(WebhookSettings(authority_file=own.authority))
    sending = Sending(kafka, pool, clock, tuple(topics), Accounts(), tls)
    sending.start()
    yield sending
    await sending.stop()


@asynccontextmanager
async def behind_tls(receiver: Receiver, certificate: Path) -> AsyncIterator[int]:
    """Hands what comes by TLS on to the receiver; the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_who_has_a_certificate_of_the_authority_is_sent_to(
    service: Service, sending: Sending, receiver: Receiver, streams: Streams, own: Certificates
) -> None:
    topic = streams.of(HelpUpdated).name
    await streams.write(help_of(1, "500101"), key="1")
    async with behind_tls(receiver, own.keystore) as port, service.client("external_system@@by-tls") as client:
        made = await subscribe(client, receiver, [topic], url=f"https://localhost:{port}/", **{"from": "start"})

        async def has_one() -> bool:
            return len(receiver.accepted) == 1

        await eventually(has_one, "it came")
        await client.delete(f"/v1/subscriptions/{made}")


@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_nobody_else_gets_as_much_as_a_request(
    service: Service,
    sending: Sending,
    receiver: Receiver,
    streams: Streams,
    own: Certificates,
    tmp_path: Path,
    wrong: str,
) -> None:
    """Of an authority that nobody has named; of the right one, for another name."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    other = Certificates(tmp_path)
    other.prepare()
    sending.resolve = resolve
    certificate, name = (other.keystore, "localhost") if wrong == "authority" else (own.keystore, "hook.example.org")
    async with behind_tls(receiver, certificate) as port, service.client(f"external_system@@{wrong}") as client:
        made = await subscribe(client, receiver, [streams.of(HelpUpdated).name], url=f"https://{name}:{port}/")

        async def failed() -> bool:
            return int((await look(client, made))["failed_attempts"]) >= 1

        await eventually(failed, "it fails")
        failures = (await client.get(f"/v1/subscriptions/{made}/failures")).json()["failures"]
        assert {each["cause"] for each in failures} == {"connection"}
        assert (await comes_to(client, made, "verifying"))["delivered_at"] is None
        await client.delete(f"/v1/subscriptions/{made}")
    assert receiver.requests == 0
