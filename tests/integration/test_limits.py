"""How often somebody without an account may do something: every route that is open to all, or to citizens, has a bound.

Each takes from the allowance of its address. What makes something or tries a secret is counted in the database on top.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import pytest

from services.registration.settings import RegistrationSettings
from shared.observability.clock import MovableClock
from shared.security.citizen_tokens import sign_citizen
from shared.security.citizens import citizen_of
from shared.security.tokens import TokenSigner
from shared.web.access import Demand
from shared.web.allowance import A_SECOND, AT_ONCE, Allowance, crowd
from tests.integration.conftest import NOW, Services, each, head_of, status_of

FROM_MEMORY: Final = frozenset(
    {
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
        "GET /docs",
        "GET /docs/start.js",
        "GET /docs/{name}",
        "GET /openapi.json",
    }
)
"""Without an allowance, for probes and scrapes must not be refused: made of what is in memory, without a database."""
PHONE: Final = "0812345678"
TOKEN_REQUEST: Final = {"grant_type": "urn:jitasa:one-time-code", "phone": PHONE, "code": "000000"}
COUNTED: Final[Mapping[str, tuple[Any, int]]] = {
    "registration POST /v1/codes": ({"phone": PHONE}, 2),
    "registration POST /v1/tokens": (TOKEN_REQUEST, 1),
    "registration POST /v1/volunteers": (
        {"group_code": "AAAA-AAAA", "name": "สมหญิง", "phone": PHONE, "area": "500101"},
        2,
    ),
    "registration POST /v1/volunteers/{volunteer_id}/phone-confirmation": ({"code": "000000"}, 2),
    "registration POST /v1/phone-proofs": ({"phone": PHONE}, 2),
    "registration POST /v1/phone-proofs/{proof_id}/token": ({"code": "000000"}, 1),
    "registration POST /v1/registration-help": ({"name": "สมหญิง", "phone": PHONE, "area": "500101"}, 2),
    "registration POST /v1/trainings/sessions/{session_id}/sign-ups": ({"name": "สมหญิง", "phone": PHONE}, 2),
    "registration POST /v1/trainings/sessions/{session_id}/attendance": ({"phone": PHONE, "code": "000000"}, 2),
    "survey POST /v1/help-requests": (
        {"kind": "medicine", "area": "500101", "phone": PHONE},
        2,
    ),
    "survey POST /v1/openrosa/{key}/submission": (None, 1),
}
"""A request that is counted, and by how many limits: of the address, the phone, the account."""
ALLOWANCE_ALONE: Final = frozenset(
    {
        "registration POST /v1/tokens/revocation",  # ends what its sender holds; 256 random bits
        "registration DELETE /v1/trainings/sessions/{session_id}/sign-ups/{sign_up_id}",  # the same: a random id
        "survey POST /v1/help-requests/{request_id}/cancellation",  # only one's own, which are ten a day at most
        "survey POST /v1/help-requests/district",  # reads the map in memory
        "survey POST /v1/my-requests",  # a citizen has so many open ones and no more (requests.MOST_OPEN)
        "survey POST /v1/my-requests/{request_id}/withdrawal",  # only one's own
    }
)
"""What is no GET and is not counted further, and why."""


class Spent:
    """An allowance with nothing left."""

    def wait(self, _: str) -> int:
        """Seconds."""
        return 7


@pytest.fixture
def citizen(services: Services, signing: tuple[RegistrationSettings, TokenSigner]) -> str:
    """The token of who has proved `PHONE`."""
    subject = citizen_of(services["survey"].state.blind_index, PHONE)
    return sign_citizen(signing[1], subject, issued_at=NOW, expires_at=NOW + timedelta(hours=1))


@pytest.fixture
def spent(services: Services) -> Iterator[None]:
    """Nobody has anything left."""
    kept = {name: service.state.allowance for name, service in services.items()}
    for service in services.values():
        service.state.allowance = Spent()
    yield
    for name, service in services.items():
        service.state.allowance = kept[name]


async def test_every_open_route_takes_from_the_allowance_of_the_address(
    services: Services, citizen: str, spent: None
) -> None:
    unbounded, asked = [], 0
    for name, service, key, route in each(services):
        if route.demand not in (Demand.NOTHING, Demand.OPTIONAL, Demand.CITIZEN) or key in FROM_MEMORY:
            continue
        head = await head_of(service, route, citizen if route.demand is Demand.CITIZEN else None)
        asked += 1
        if (head.status, head.headers.get("retry-after")) != (429, "7"):
            unbounded.append(f"{name} {key}: {head.status}")
        assert await status_of(service, route, None, client="127.0.0.1") != 429, "the machine itself"
    assert unbounded == []
    assert asked > 60


async def test_what_makes_something_or_tries_a_secret_is_counted_on_top(services: Services, citizen: str) -> None:
    wrong = []
    for name, service, key, route in each(services):
        if route.demand not in (Demand.NOTHING, Demand.OPTIONAL, Demand.CITIZEN) or route.method == "GET":
            continue
        if f"{name} {key}" in ALLOWANCE_ALONE:
            continue
        assert f"{name} {key}" in COUNTED, f"{name} {key} is open: give it a limit, or say why it needs none"
        body, limits = COUNTED[f"{name} {key}"]
        token = citizen if route.demand is Demand.CITIZEN else None
        again = body
        if key == "POST /v1/help-requests":  # sent again with the same id it is the same request
            body, again = ({**body, "request_id": str(uuid4())} for _ in range(2))
        pool, client = service.pool, f"10.77.0.{len(key) % 250}"
        await pool.execute("DELETE FROM throttle")
        first = await status_of(service, route, token, body=body, client=client)
        rows = await pool.fetchval("SELECT count(*) FROM throttle")
        await pool.execute("UPDATE throttle SET spent = 1000000")
        then = await head_of(service, route, token, body=again, client=client)
        if first in (429, 500) or rows != limits or then.status != 429 or "retry-after" not in then.headers:
            wrong.append(f"{name} {key}: {first}, {rows} limits, then {then}")
    assert wrong == []


def test_a_bucket_fills_again_and_one_of_a_crowd_is_ten_times_as_large() -> None:
    for bucket, times in ((Allowance, 1), (crowd, 10)):
        clock = MovableClock(NOW)
        allowance = bucket(lambda: clock.now().timestamp())  # noqa: B023 - called within this turn alone
        assert [allowance.wait("a") for _ in range(int(AT_ONCE) * times + 1)] == [0] * int(AT_ONCE) * times + [1]
        assert allowance.wait("b") == 0
        clock.advance(timedelta(seconds=1))
        assert [allowance.wait("a") for _ in range(int(A_SECOND) * times + 1)] == [0] * int(A_SECOND) * times + [1]
