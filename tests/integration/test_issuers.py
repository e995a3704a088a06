"""Tokens of other issuers, each a process of its own: taken within what it is trusted with, and not beyond.

One is oidc-provider-mock, an OpenID Connect provider that others wrote; two are `tests/issuer.py`, which also sign
what no honest issuer would.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import Depends, FastAPI

from deploy.local import ports
from shared.contracts.events import Role
from shared.security import tokens
from shared.security.issuers import IssuerSettings, Verifiers, read_issuers, verifiers
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.security.tokens import InvalidToken, KeysUnavailable, TokenVerifier
from shared.web.authentication import Authentication, require, signed_in
from shared.web.problems import Problem, problem_response
from tests.integration.registration.conftest import Barred

OUR_ISSUER = "https://jitasa.example"
START_SECONDS = 30.0
ORGANISATION = uuid4()


class Other:
    """A running issuer."""

    def __init__(self, address: str, client: httpx.AsyncClient) -> None:
        self.address = address
        self.client = client

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What it would say about an officer of a hospital, with changes; `...` leaves a claim out."""
        now = int(time.time())
        usual = {
            "iss": self.address,
            "aud": "jitasa",
            "sub": "somchai@agency.example",
            "iat": now,
            "exp": now + 600,
            "realm_access": {"roles": ["staff", "jitasa-officers"]},
            "province": "50",
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not ...}

    async def token(self, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """A token signed by it. A header of None is left out."""
        order = {"claims": self.claims(**changes), "header": header or {}}
        answer = await self.client.post(f"{self.address}/sign", json=order)
        answer.raise_for_status()
        return answer.text

    async def post(self, path: str, content: Any = None) -> None:
        """An order to it."""
        (await self.client.post(f"{self.address}{path}", json=content)).raise_for_status()

    async def fetched(self) -> int:
        """How often its keys were asked for."""
        return int((await self.client.get(f"{self.address}/fetched")).json())


@asynccontextmanager
async def process(port: int, *arguments: str) -> AsyncIterator[str]:
    """A process that serves HTTP at `port` once it has started; its address."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=None
    )
    address = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(START_SECONDS):
            while True:
                with suppress(httpx.TransportError):
                    await client.get(f"{address}/.well-known/openid-configuration")
                    break
                await asyncio.sleep(0.05)
        yield address
    finally:
        with suppress(ProcessLookupError):
            running.terminate()
        await running.wait()


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def base() -> int:
    """The first of some free ports."""
    return ports.free_base()


@pytest.fixture(scope="module")
async def agency(base: int, client: httpx.AsyncClient) -> AsyncIterator[Other]:
    """An issuer that signs with RSA."""
    async with process(base, "tests.issuer", str(base), "RS256") as address:
        yield Other(address, client)


@pytest.fixture(scope="module")
async def hospital(base: int, client: httpx.AsyncClient) -> AsyncIterator[Other]:
    """An issuer that signs with Ed25519."""
    async with process(base + 1, "tests.issuer", str(base + 1), "EdDSA") as address:
        yield Other(address, client)


@pytest.fixture(scope="module")
async def provider(base: int) -> AsyncIterator[str]:
    """The address of somebody else's OpenID Connect provider."""
    async with process(base + 2, "oidc_provider_mock", "--port", str(base + 2)) as address:
        yield address


def entry(issuer: str, **changes: Any) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "audience": "jitasa",
        "algorithms": ["RS256"],
        "within": "50",
        "claims": {"role": "realm_access.roles", "area": "province", "organisation": "jitasa_organisation"},
        "roles": {"jitasa-officers": "place_officer", "jitasa-coordinators": "district_coordinator"},
    } | changes


class NoKeys:
    """Our own issuer, which has keys that nobody here signs with."""

    async def fetch(self) -> bytes:
        """Another's key."""
        raise OSError


Open = Callable[..., Any]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a verifier that trusts the given issuers."""
    monkeypatch.setattr(tokens, "REFETCH_SECONDS", 0)

    @asynccontextmanager
    async def opened(*entries: dict[str, Any]) -> AsyncIterator[Verifiers]:
        path = tmp_path / "issuers.json"
        path.write_text(json.dumps(entries))
        verifier = verifiers(
            TokenVerifier("", OUR_ISSUER, source=NoKeys()), OUR_ISSUER, settings=IssuerSettings(issuers_file=path)
        )
        await verifier.start()
        try:
            yield verifier
        finally:
            await verifier.close()

    return opened


async def refusal(verifier: Verifiers, token: str) -> str:
    with pytest.raises(InvalidToken) as refused:
        await verifier.verify(token)
    return refused.value.code


async def test_several_issuers_at_once_each_with_what_it_is_trusted_with(
    opened: Open, agency: Other, hospital: Other
) -> None:
    other = entry(
        hospital.address,
        algorithms=["EdDSA"],
        within="51",
        area="510101",
        organisation=str(ORGANISATION),
        claims={"role": "role", "area": None},
        roles={"nurse": "place_officer"},
    )
    async with opened(entry(agency.address), other) as verifier:
        officer = await verifier.verify(await agency.token(jitasa_organisation=str(ORGANISATION)))
        assert (officer.role, officer.area, officer.organisation) == (Role.PLACE_OFFICER, "50", ORGANISATION)
        again = await verifier.verify(await agency.token(jti="x", province="5001"))
        assert (again.subject, again.area, again.organisation, again.token_id) == (officer.subject, "5001", None, "x")
        nurse = await verifier.verify(await hospital.token(role="nurse", realm_access=...))
        assert (nurse.role, nurse.area, nurse.organisation) == (Role.PLACE_OFFICER, "510101", ORGANISATION)
        # The same name at two issuers is two people, and neither can be one of ours.
        assert nurse.subject != officer.subject
        claimed = await verifier.verify(await agency.token(sub=str(UUID(int=7))))
        assert claimed.subject != UUID(int=7)
        assert not verifier.ready  # our own issuer is away, which these tokens do not need


BEYOND: Sequence[tuple[dict[str, Any], str]] = (
    ({"aud": "another"}, "token_wrong_audience"),
    ({"aud": ...}, "token_wrong_audience"),
    ({"exp": 1}, "token_expired"),
    ({"exp": ...}, "token_malformed"),
    ({"iat": 4102444800, "exp": 4102448400}, "token_not_yet_valid"),
    ({"nbf": 4102444800}, "token_not_yet_valid"),
    ({"realm_access": {"roles": ["staff"]}}, "token_without_role"),
    ({"realm_access": {"roles": ["jitasa-officers", "jitasa-coordinators"]}}, "token_without_role"),
    ({"realm_access": {"roles": ["central_administrator"]}}, "token_without_role"),
    ({"realm_access": "central_administrator"}, "token_without_role"),
    ({"realm_access": {"roles": [["jitasa-officers"], {}, 5]}}, "token_without_role"),
    ({"role": "central_administrator", "realm_access": ...}, "token_without_role"),
    ({"province": "51"}, "token_outside_area"),
    ({"province": ""}, "token_outside_area"),
    ({"province": "5"}, "token_malformed"),
    ({"province": ["50"]}, "token_malformed"),
    ({"province": ...}, "token_malformed"),
    ({"sub": ...}, "token_malformed"),
    ({"sub": ""}, "token_malformed"),
    ({"sub": "x" * 256}, "token_malformed"),
    ({"sub": 7}, "token_malformed"),
    ({"jitasa_organisation": "ours"}, "token_malformed"),
    ({"iss": OUR_ISSUER}, "token_bad_signature"),
    ({"iss": "https://evil.example"}, "token_bad_signature"),
    ({"iss": ["x"]}, "token_bad_signature"),
)
"""What an issuer may not say, and the word for it. In another's name it is judged as the other's, or as ours."""


async def test_an_issuer_says_nothing_beyond_its_bounds(opened: Open, agency: Other) -> None:
    async with opened(entry(agency.address)) as verifier:
        for changes, code in BEYOND:
            token = await agency.token(**changes)
            assert await refusal(verifier, token) == code, changes


async def test_one_issuer_s_key_signs_nothing_of_another_s(opened: Open, agency: Other, hospital: Other) -> None:
    rsa = entry(agency.address, algorithms=["RS256", "EdDSA"])
    async with opened(rsa, entry(hospital.address, algorithms=["EdDSA", "RS256"])) as verifier:
        token = await hospital.token(iss=agency.address)
        assert await refusal(verifier, token) == "token_unknown_key"
        unnamed = await hospital.token({"kid": None}, iss=agency.address)
        assert await refusal(verifier, unnamed) == "token_bad_signature"


async def test_only_the_algorithms_that_are_set(opened: Open, agency: Other, hospital: Other) -> None:
    async with opened(entry(agency.address, algorithms=["ES256"]), entry(hospital.address)) as verifier:
        assert await refusal(verifier, await agency.token()) == "token_bad_signature"
        assert await refusal(verifier, await hospital.token()) == "token_bad_signature"
    async with opened(entry(agency.address)) as verifier:
        for algorithm in ("none", "HS256", "ES256", "RS384", "PS256", "EdDSA", None):
            token = await agency.token({"alg": algorithm})
            assert await refusal(verifier, token) in ("token_bad_signature", "token_malformed"), algorithm


async def test_a_token_does_not_bring_its_own_key(opened: Open, agency: Other, hospital: Other) -> None:
    """`jku`, `x5u` and `jwk` are not read: nobody is asked, and the signature is judged by the issuer's own keys."""
    await hospital.post("/rotate")
    async with opened(entry(agency.address, algorithms=["RS256", "EdDSA"])) as verifier:
        await verifier.verify(await agency.token())
        before = await hospital.fetched()
        published = (await hospital.client.get(f"{hospital.address}/keys")).json()["keys"][0]
        for header in (
            {"jku": f"{hospital.address}/keys"},
            {"x5u": f"{hospital.address}/keys"},
            {"jwk": published},
            {"jku": f"{hospital.address}/keys", "kid": None},
        ):
            token = await hospital.token(header, iss=agency.address)
            assert await refusal(verifier, token) in ("token_unknown_key", "token_bad_signature", "token_malformed")
        assert await hospital.fetched() == before + 1  # the one of this test


async def test_an_issuer_s_new_key_is_found_and_rarely_looked_for(
    opened: Open, agency: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(entry(agency.address)) as verifier:
        old = await agency.token()
        await verifier.verify(old)
        await agency.post("/rotate")
        await verifier.verify(await agency.token(jti="1"))
        await verifier.verify(old)
        await agency.post("/rotate?alone=1")
        await verifier.verify(await agency.token(jti="2"))
        assert await refusal(verifier, old) == "token_unknown_key"
        # Who names no key is judged by the only one, also when that is another one by now.
        await verifier.verify(await agency.token({"kid": None}, jti="3"))
        await agency.post("/rotate?alone=1")
        await verifier.verify(await agency.token({"kid": None}, jti="4"))
        await agency.post("/rotate")
        await verifier.verify(await agency.token(jti="5"))
        assert await refusal(verifier, await agency.token({"kid": None}, jti="6")) == "token_unknown_key"
        monkeypatch.setattr(tokens, "REFETCH_SECONDS", 60)
        before = await agency.fetched()
        for number in range(30):
            assert await refusal(verifier, await agency.token({"kid": f"invented-{number}"})) == "token_unknown_key"
        assert await agency.fetched() == before
    await agency.post("/rotate?alone=1")


async def test_a_long_life_is_cut(opened: Open, agency: Other) -> None:
    now = int(time.time())
    async with opened(entry(agency.address, max_life_seconds=600)) as verifier:
        principal = await verifier.verify(await agency.token(exp=now + 10**7))
        assert now + 590 < principal.expires_at.timestamp() <= now + 610
        assert await refusal(verifier, await agency.token(iat=now - 700, exp=now + 10**7)) == "token_expired"


async def test_a_discovery_document_that_leads_elsewhere_is_not_followed(opened: Open, hospital: Other) -> None:
    right = {"issuer": hospital.address, "jwks_uri": f"{hospital.address}/keys"}
    own = entry(hospital.address, algorithms=["EdDSA"])
    try:
        for changes in (
            {"issuer": "http://127.0.0.1:1"},
            {"issuer": hospital.address + "/"},
            {"jwks_uri": "http://keys.example/keys"},
            {"jwks_uri": "file:///etc/passwd"},
            {"jwks_uri": None},
            {"jwks_uri": f"{hospital.address}/nothing"},
        ):
            await hospital.post("/break", right | changes)
            async with opened(own) as verifier:
                with pytest.raises(KeysUnavailable):
                    await verifier.verify(await hospital.token())
    finally:
        await hospital.post("/break", right)
    async with opened(own) as verifier:
        assert (await verifier.verify(await hospital.token())).area == "50"


async def test_an_issuer_that_is_away_holds_up_nobody_else(opened: Open, agency: Other, base: int) -> None:
    away = entry(f"http://127.0.0.1:{base + 7}")
    async with opened(away, entry(agency.address)) as verifier:
        assert (await verifier.verify(await agency.token())).role is Role.PLACE_OFFICER
        with pytest.raises(KeysUnavailable):
            await verifier.verify(await agency.token(iss=away["issuer"]))


async def test_a_service_takes_them_as_it_takes_ours(opened: Open, agency: Other) -> None:
    app = FastAPI()
    app.add_exception_handler(Problem, problem_response)  # type: ignore[arg-type]

    @app.get("/me")
    async def me(principal: Principal = Depends(signed_in)) -> str:
        return str(principal.role)

    @app.get("/people")
    async def people(principal: Principal = Depends(require(Right.VOLUNTEER_READ))) -> str:
        return str(principal.area)

    async with (
        opened(entry(agency.address)) as verifier,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        app.state.authentication = Authentication(verifier, Barred())
        headers = {"Authorization": f"Bearer {await agency.token()}"}
        assert (await client.get("/me", headers=headers)).json() == "place_officer"
        assert (await client.get("/people", headers=headers)).status_code == 403
        beyond = {"Authorization": f"Bearer {await agency.token(province='51')}"}
        refused = await client.get("/me", headers=beyond)
        assert (refused.status_code, refused.json()["code"]) == (401, "token_outside_area")


async def test_somebody_else_s_provider_is_understood(opened: Open, provider: str, client: httpx.AsyncClient) -> None:
    """A whole sign-in at an OpenID Connect provider that others wrote, with its discovery document and its keys."""
    claims = {"groups": ["staff", "jitasa-officers"], "province": "5001"}
    await client.put(f"{provider}/users/somchai", json={"claims": claims})
    parameters = {"client_id": "jitasa", "redirect_uri": "http://x/cb", "response_type": "code", "scope": "openid"}
    answer = await client.post(f"{provider}/oauth2/authorize", params=parameters, data={"sub": "somchai"})
    [code] = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://x/cb"}
    signed = (await client.post(f"{provider}/oauth2/token", data=form, auth=("jitasa", "any"))).json()
    trusted = entry(provider, claims={"role": "claims.groups", "area": "claims.province"})
    async with opened(trusted) as verifier:
        principal = await verifier.verify(signed["id_token"])
        assert (principal.role, principal.area) == (Role.PLACE_OFFICER, "5001")
        with pytest.raises(InvalidToken):
            await verifier.verify(signed["access_token"])  # not a JSON Web Token at all
    async with opened(entry(provider, claims=trusted["claims"], audience="another")) as verifier:
        assert await refusal(verifier, signed["id_token"]) == "token_wrong_audience"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://login.agency.example"},
        {"issuer": "https://user:secret@login.agency.example"},
        {"issuer": "login.agency.example"},
        {"issuer": OUR_ISSUER},
        {"audience": ""},
        {"algorithms": []},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"within": "5"},
        {"within": "๕๐"},
        {"roles": {}},
        {"roles": {"x": "king"}},
        {"area": "51"},
        {"claims": {"area": None}},
        {"max_life_seconds": 10**6},
        {"jwks": "x"},
    ],
)
def test_settings_that_cannot_be_meant_stop_the_process(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps([entry("https://login.agency.example")]))
    assert len(read_issuers(path)) == 1
    path.write_text(json.dumps([entry("https://login.agency.example") | changes]))
    own = TokenVerifier("", OUR_ISSUER, source=NoKeys())
    with pytest.raises(ValueError, match=r"issuers\.json"):
        verifiers(own, OUR_ISSUER, settings=IssuerSettings(issuers_file=path))
