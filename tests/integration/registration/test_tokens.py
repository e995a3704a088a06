"""Revocation, races of refresh tokens, and keys that follow each other while the service runs."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from fastapi import Depends, FastAPI
from joserfc import jws

from services.registration.processes import http as application
from services.registration.processes.http import http_app
from services.registration.settings import RegistrationSettings
from services.registration.store.systems import Systems
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.settings import PostgresSettings
from shared.security import tokens
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.security.signing_keys import KEPT_AFTER, PUBLISHED_BEFORE, KeysWaiting, rotate
from shared.security.tokens import InvalidToken, TokenVerifier
from shared.web.authentication import Authentication, require
from shared.web.problems import Problem, problem_response
from tests.integration.conftest import ISSUER
from tests.integration.registration.conftest import START, Barred, Office, Phones, new_phone
from tests.integration.registration.test_sign_in import CODE, code_for, refused, signed_in

DEADLINE = 20.0
"""Seconds; what is waited for takes a few tenths."""


async def revoke(office: Office, token: str, **form: str) -> httpx.Response:
    return await office.client.post("/v1/tokens/revocation", data={"token": token, **form})


async def refresh(office: Office, token: str) -> httpx.Response:
    return await office.tokens(grant_type="refresh_token", refresh_token=token)


async def test_a_revoked_refresh_token_ends_its_sign_in_and_no_other(office: Office, phones: Phones) -> None:
    phone = new_phone()
    await office.volunteer(phone=phone)
    sign_ins = []
    for _ in range(2):
        answer = await office.tokens(grant_type=CODE, phone=phone, code=await code_for(office, phones, phone))
        sign_ins.append(answer.json()["refresh_token"])
    rotated = (await refresh(office, sign_ins[0])).json()["refresh_token"]
    answer = await revoke(office, sign_ins[0], token_type_hint="refresh_token")  # an old one of the family will do
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    refused(await refresh(office, rotated), "invalid_grant")
    assert (await refresh(office, sign_ins[1])).status_code == 200
    assert (await revoke(office, rotated)).status_code == 200


async def test_a_revoked_access_token_ends_its_sign_in(office: Office, phones: Phones) -> None:
    _, access, refresh_token = await signed_in(office, phones)
    assert (await revoke(office, access, token_type_hint="access_token")).status_code == 200
    refused(await refresh(office, refresh_token), "invalid_grant")


async def test_what_is_no_token_of_ours_is_revoked_all_the_same(office: Office, phones: Phones) -> None:
    _, access, refresh_token = await signed_in(office, phones)
    client_id, secret = await Systems(office.pool).add(
        name="x", role=Role.EXTERNAL_SYSTEM, area="", organisation_id=None, now=office.clock.now()
    )
    system = await office.tokens(grant_type="client_credentials", client_id=str(client_id), client_secret=secret)
    forged = access[:-3] + ("AAA" if access[-3:] != "AAA" else "BBB")
    for token in ("x", "a.b.c", forged, system.json()["access_token"], "x" * tokens.MAX_TOKEN_LENGTH):
        assert (await revoke(office, token)).status_code == 200, token[:10]
    assert (await refresh(office, refresh_token)).status_code == 200  # none of these ended anything
    for form in ({}, {"token": ""}, {"token": "x" * (tokens.MAX_TOKEN_LENGTH + 1)}):
        refused(await office.client.post("/v1/tokens/revocation", data=form), "invalid_request")
    as_json = await office.client.post("/v1/tokens/revocation", json={"token": "x"})
    assert as_json.status_code == 200


async def test_a_revocation_beside_a_refresh_leaves_nothing_alive(office: Office, phones: Phones) -> None:
    """Whichever comes first: no refresh token of the sign-in is good when both are answered."""
    for _ in range(8):
        _, _, token = await signed_in(office, phones)
        refreshed, _ = await asyncio.gather(refresh(office, token), revoke(office, token))
        for each in (token, refreshed.json().get("refresh_token")):
            if each is not None:
                refused(await refresh(office, each), "invalid_grant")


async def test_a_token_may_be_used_again_and_again_but_not_its_refresh_token(office: Office, phones: Phones) -> None:
    volunteer, access, first = await signed_in(office, phones)
    family = UUID(json.loads(jws.extract_compact(access.encode()).payload)["sid"])
    chain = [first]
    for _ in range(3):
        chain.append((await refresh(office, chain[-1])).json()["refresh_token"])
    assert len(set(chain)) == 4
    answers = await asyncio.gather(*(refresh(office, token) for token in chain))  # a thief with all of them
    assert sum(answer.status_code == 200 for answer in answers) <= 1
    ended = await office.pool.fetchrow("SELECT person_id, revoked_at FROM refresh_family WHERE family_id = $1", family)
    assert ended is not None
    assert (str(ended["person_id"]), ended["revoked_at"]) == (volunteer, office.clock.now())
    for answer in answers:
        if answer.status_code == 200:
            refused(await refresh(office, answer.json()["refresh_token"]), "invalid_grant")


async def test_a_code_is_not_guessed_by_asking_for_many(office: Office, phones: Phones) -> None:
    """Ten codes an hour with five attempts each, whatever the address: then the phone has to wait."""
    phone = new_phone()
    await office.volunteer(phone=phone)
    office.clock.advance(timedelta(hours=1))  # the sign-up's own code counts as well
    wrong = 0
    for number in range(10):
        async with office.client_at(f"198.51.100.{number}") as client:
            assert (await client.post("/v1/codes", json={"phone": phone})).status_code == 202
            code = (await phones.next()).code or ""
            guess = f"{(int(code) + 1) % 10**6:06}"
            form = {"grant_type": CODE, "phone": phone, "code": guess}
            answers = await asyncio.gather(*(client.post("/v1/tokens", data=form) for _ in range(7)))
            wrong += sum(answer.status_code == 400 for answer in answers)
            refused(await client.post("/v1/tokens", data=form | {"code": code}), "invalid_grant")
    assert wrong == 70
    async with office.client_at("198.51.100.99") as client:
        assert (await client.post("/v1/codes", json={"phone": phone})).status_code == 429


@pytest.fixture
def keys(tmp_path: Path, registration_settings: RegistrationSettings) -> Path:
    """A file of signing keys of the test's own."""
    path = tmp_path / "signing-keys.json"
    path.write_bytes(registration_settings.signing_keys_file.read_bytes())
    return path


def put(path: Path, content: bytes | None) -> bytes | None:
    """Write a file, or remove it; what it held before."""
    before = path.read_bytes() if path.exists() else None
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    return before


def key_ids(published: bytes) -> list[str]:
    return [key["kid"] for key in json.loads(published)["keys"]]


def key_id(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])


def other_service(verifier: TokenVerifier) -> FastAPI:
    """Another service, which has our keys over HTTP alone."""
    app = FastAPI()
    app.state.authentication = Authentication(verifier, Barred())
    app.add_exception_handler(Problem, problem_response)  # type: ignore[arg-type]

    @app.get("/")
    async def who(principal: Principal = Depends(require(Right.COUNTS_READ))) -> str:
        return str(principal.subject)

    return app


class Rotation:
    """A running registration service and another that trusts it, with one clock."""

    def __init__(self, registration: FastAPI, clock: MovableClock, credentials: dict[str, str]) -> None:
        self.clock = clock
        self._credentials = credentials
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(registration), base_url="http://registration")
        self.verifier = TokenVerifier("", ISSUER, source=self, now=lambda: clock.now().timestamp())
        self.fetched = 0
        self._other = httpx.AsyncClient(
            transport=httpx.ASGITransport(other_service(self.verifier)), base_url="http://other"
        )

    async def fetch(self) -> bytes:
        """What the other service gets from the key set's address."""
        self.fetched += 1
        return await self.published()

    async def published(self) -> bytes:
        """The key set."""
        return (await self.client.get("/.well-known/jwks.json")).content

    async def token(self) -> str:
        """A fresh token."""
        answer = await self.client.post("/v1/tokens", data={"grant_type": "client_credentials", **self._credentials})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def taken(self, token: str) -> bool:
        """Whether both services take a token."""
        headers = {"Authorization": f"Bearer {token}"}
        own = (await self.client.get("/v1/counts", headers=headers)).status_code
        other = (await self._other.get("/", headers=headers)).status_code
        assert (own, other) in ((200, 200), (401, 401))
        return own == 200

    async def until(self, expected: list[str]) -> None:
        """Waits until these keys are published."""
        async with asyncio.timeout(DEADLINE):
            while key_ids(await self.published()) != expected:
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Ends it."""
        await self.client.aclose()
        await self._other.aclose()


@pytest.fixture
async def rotation(
    office: Office,
    database: PostgresSettings,
    registration_settings: RegistrationSettings,
    keys: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Rotation]:
    monkeypatch.setattr(application, "KEYS_SECONDS", 0.02)
    monkeypatch.setattr(tokens, "REFETCH_SECONDS", 0)
    clock = MovableClock(START)
    client_id, secret = await Systems(office.pool).add(
        name="x", role=Role.CENTRAL_ADMINISTRATOR, area="", organisation_id=None, now=START
    )
    settings = registration_settings.model_copy(update={"signing_keys_file": keys})
    app = http_app(settings, database, bar=Barred(), clock=clock, gateway=Phones())
    async with app.router.lifespan_context(app):
        running = Rotation(app, clock, {"client_id": str(client_id), "client_secret": secret})
        yield running
        await running.close()


async def test_keys_follow_each_other_while_everything_runs(rotation: Rotation, keys: Path) -> None:
    [first] = key_ids(await rotation.published())
    before = await rotation.token()
    assert await rotation.taken(before)
    second = rotate(keys, rotation.clock.now()).keys[0].key_id
    with pytest.raises(KeysWaiting):
        rotate(keys, rotation.clock.now())
    await rotation.until([second, first])
    assert key_id(await rotation.token()) == first  # published, and nothing is signed with it yet
    rotation.clock.advance(PUBLISHED_BEFORE - timedelta(minutes=1))
    late = await rotation.token()
    rotation.clock.advance(timedelta(minutes=1))
    after = await rotation.token()
    assert (key_id(late), key_id(after)) == (first, second)
    assert await rotation.taken(late)
    assert await rotation.taken(after)
    third = rotate(keys, rotation.clock.now()).keys[0].key_id
    await rotation.until([third, second, first])  # the tokens of the first one still live
    rotation.clock.advance(PUBLISHED_BEFORE + KEPT_AFTER)
    fourth = rotate(keys, rotation.clock.now()).keys[0].key_id
    await rotation.until([fourth, third])
    assert await rotation.taken(await rotation.token())


async def test_a_compromised_key_is_withdrawn_at_once(rotation: Rotation, keys: Path) -> None:
    stolen = await rotation.token()
    assert await rotation.taken(stolen)
    fresh = rotate(keys, rotation.clock.now(), compromised=True).keys[0].key_id
    await rotation.until([fresh])
    good = await rotation.token()
    assert key_id(good) == fresh
    assert await rotation.taken(good)
    assert not await rotation.taken(stolen)


async def test_a_broken_file_of_keys_changes_nothing(rotation: Rotation, keys: Path) -> None:
    [first] = key_ids(await rotation.published())
    good = put(keys, b'{"keys": [')
    await asyncio.sleep(0.1)  # several looks at the file
    assert await rotation.taken(await rotation.token())
    put(keys, None)
    await asyncio.sleep(0.1)
    assert await rotation.taken(await rotation.token())
    put(keys, good)
    second = rotate(keys, rotation.clock.now()).keys[0].key_id
    await rotation.until([second, first])


async def test_unknown_keys_are_looked_for_once_in_a_while(
    rotation: Rotation, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await rotation.token()
    assert await rotation.taken(token)
    monkeypatch.setattr(tokens, "REFETCH_SECONDS", 60)
    fetched = rotation.fetched
    _, claims, signature = token.split(".")
    for number in range(100):
        invented = json.dumps({"alg": "ES256", "kid": f"invented-{number}"}).encode()
        forged = ".".join((_base64(invented), claims, signature))
        with pytest.raises(InvalidToken) as error:
            await rotation.verifier.verify(forged)
        assert error.value.code == "token_unknown_key"
    assert rotation.fetched == fetched


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
