"""The key that signs tokens changes in a cluster, where each pod sees the Secret at another time (docs/kubernetes.md,
"Keys and passwords"): whoever issued a token, and whoever judges it, it is good until it expires."""

import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jws

from services.registration.processes.http import http_app
from services.registration.settings import RegistrationSettings
from services.registration.store.systems import Systems
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.settings import PostgresSettings
from shared.security import tokens
from shared.security.signing_keys import KEPT_AFTER, PUBLISHED_BEFORE, read_signing_keys, rotate
from shared.security.tokens import TokenVerifier
from tests.integration.conftest import ISSUER
from tests.integration.deploy.mounted import Mounted
from tests.integration.registration.conftest import START, Barred, Office, Phones

FILE: Final = "signing-keys.json"
SHOWN_WITHIN: Final = timedelta(minutes=3)
"""In which every node shows its pods a changed Secret."""
LIFE: Final = timedelta(minutes=15)
"""Of a token."""


@dataclass
class Pod:
    """A pod of registration, and what its node shows it."""

    app: FastAPI
    node: Mounted
    client: httpx.AsyncClient

    def shown(self, keys: Path) -> None:
        """Its node shows it the Secret as it is now, and it has looked."""
        self.node.show(FILE, keys.read_text())
        assert self.app.state.parts.signer.reload()

    async def key_set(self) -> bytes:
        """What it publishes."""
        return (await self.client.get("/.well-known/jwks.json")).content

    async def takes(self, token: str) -> bool:
        """Whether it takes a token."""
        answer = await self.client.get("/v1/counts", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200


class Cluster:
    """Two pods of registration, and another service that asks now one and now the other for the key set."""

    def __init__(self, pods: Sequence[Pod], clock: MovableClock, credentials: dict[str, str]) -> None:
        self.pods = pods
        self.clock = clock
        self._credentials = credentials
        self._turns = itertools.cycle(pods)
        self._verifier = TokenVerifier("", ISSUER, source=self, now=lambda: clock.now().timestamp())

    async def fetch(self) -> bytes:
        """What the other service gets: whichever pod the request comes to."""
        return await next(self._turns).key_set()

    async def issued(self) -> list[str]:
        """A token of each pod."""
        found = []
        for pod in self.pods:
            form = {"grant_type": "client_credentials", **self._credentials}
            answer = await pod.client.post("/v1/tokens", data=form)
            assert answer.status_code == 200, answer.text
            found.append(str(answer.json()["access_token"]))
        return found

    async def taken(self, issued: Sequence[str]) -> None:
        """Hold every token to be taken everywhere. Raises `InvalidToken` for one that the other service refuses."""
        for token in issued:
            assert [await pod.takes(token) for pod in self.pods] == [True, True]
            await self._verifier.verify(token)


def key_ids(issued: Sequence[str]) -> set[str]:
    """Which keys signed them."""
    return {str(jws.extract_compact(token.encode()).headers()["kid"]) for token in issued}


@pytest.fixture
def secret(tmp_path: Path, registration_settings: RegistrationSettings) -> Path:
    """The operator's copy of the Secret."""
    path = tmp_path / FILE
    path.write_bytes(registration_settings.signing_keys_file.read_bytes())
    return path


def _node(folder: Path, secret: Path) -> Mounted:
    node = Mounted(folder)
    node.show(FILE, secret.read_text())
    return node


@pytest.fixture
async def cluster(
    office: Office,
    database: PostgresSettings,
    registration_settings: RegistrationSettings,
    secret: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Cluster]:
    monkeypatch.setattr(tokens, "REFETCH_SECONDS", 0)  # what passes meanwhile is the test's clock, not the loop's
    clock = MovableClock(START)
    client_id, secret_of_client = await Systems(office.pool).add(
        name="x", role=Role.CENTRAL_ADMINISTRATOR, area="", organisation_id=None, now=START
    )
    async with AsyncExitStack() as stack:
        pods = []
        for name in ("first", "second"):
            node = _node(tmp_path / name, secret)
            settings = registration_settings.model_copy(update={"signing_keys_file": node.file(FILE)})
            app = http_app(settings, database, bar=Barred(), clock=clock, gateway=Phones())
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app)
            client = await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://registration")
            )
            pods.append(Pod(app, node, client))
        yield Cluster(pods, clock, {"client_id": str(client_id), "client_secret": secret_of_client})


async def test_tokens_of_both_keys_are_good_everywhere_while_pods_differ(cluster: Cluster, secret: Path) -> None:
    (old,) = key_ids(await cluster.issued())
    issued = await cluster.issued()
    first, second = cluster.pods

    new = rotate(secret, cluster.clock.now()).keys[0].key_id
    first.shown(secret)
    issued += await cluster.issued()
    await cluster.taken(issued)
    cluster.clock.advance(SHOWN_WITHIN)
    issued += await cluster.issued()
    await cluster.taken(issued)
    second.shown(secret)
    issued += await cluster.issued()
    await cluster.taken(issued)
    assert key_ids(issued) == {old}, "the new one is published, and nobody signs with it yet"

    cluster.clock.advance(PUBLISHED_BEFORE - SHOWN_WITHIN - timedelta(seconds=1))
    last_of_old = await cluster.issued()
    assert key_ids(last_of_old) == {old}
    cluster.clock.advance(timedelta(seconds=1))
    first_of_new = await cluster.issued()
    assert key_ids(first_of_new) == {new}
    await cluster.taken([*last_of_old, *first_of_new])
    cluster.clock.advance(LIFE - timedelta(seconds=2))
    await cluster.taken([*last_of_old, *first_of_new])

    cluster.clock.advance(KEPT_AFTER)
    latest = rotate(secret, cluster.clock.now()).keys[0].key_id
    assert {each.key_id for each in read_signing_keys(secret).keys} == {latest, new}
    for pod in cluster.pods:
        pod.shown(secret)
        await cluster.taken(await cluster.issued())


async def test_a_key_that_others_know_ends_with_the_last_pod_that_hears_of_it(cluster: Cluster, secret: Path) -> None:
    """It cannot be published beforehand: while pods differ, each refuses what the other signs, and who is refused
    signs in anew or asks again."""
    stolen = (await cluster.issued())[0]
    rotate(secret, cluster.clock.now(), compromised=True)
    first, second = cluster.pods
    first.shown(secret)
    of_first, of_second = await cluster.issued()
    assert [await first.takes(token) for token in (of_first, stolen, of_second)] == [True, False, False]
    assert [await second.takes(token) for token in (of_second, stolen, of_first)] == [True, True, False]
    second.shown(secret)
    assert len(json.loads(await second.key_set())["keys"]) == 1
    issued = await cluster.issued()
    await cluster.taken(issued)
    assert [await pod.takes(stolen) for pod in cluster.pods] == [False, False]
