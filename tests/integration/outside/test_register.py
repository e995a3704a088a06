"""The register of subscribers: what the centre decides over HTTP and at the machine, and that Kafka comes to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import pytest
from confluent_kafka.admin import ScramMechanism, UserScramCredentialDeletion

from services.reporting.commands import Usage
from services.reporting.live import LiveStream
from services.reporting.processes.http import create
from services.reporting.settings import LiveSettings
from services.reporting.store import Pool
from services.reporting.subscribers import admin, store
from services.reporting.subscribers.clients import AUTHORITY_FILE, LIBRDKAFKA_FILE, Entrance
from services.reporting.subscribers.domain import LEAST_BYTES, STREAMS, Grant, user_of
from services.reporting.subscribers.duty import CHECK_SECONDS, EVERY_SECONDS, Admitting
from services.reporting.subscribers.gate import Admission, Gate
from shared.contracts.events import Role
from shared.contracts.topics import HELP_UPDATED, SURVEY_INTAKE, SURVEY_SUBMITTED
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire, open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.sealing import KeyRing
from shared.web.authentication import Authentication
from tests.integration.outside.actors import Attempts, gets_in, outside
from tests.integration.reporting.conftest import NOW, Tokens, as_role
from tests.runtime import Runtime

CENTRE: Final = as_role(Role.CENTRAL_ADMINISTRATOR, "")
S, H = SURVEY_SUBMITTED.name, HELP_UPDATED.name


@dataclass
class Register:
    """The service, its keeper's duty, and a clock that is moved by hand for it."""

    runtime: Runtime
    database: PostgresSettings
    pool: Pool
    client: httpx.AsyncClient
    gate: Gate
    ring: KeyRing
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.duty = self.keeper(self.gate)

    def keeper(self, gate: Any) -> Admitting:
        """A keeper's duty with this access to Kafka."""
        return Admitting(self.pool, gate, self.ring, MovableClock(NOW), monotonic=lambda: self.seconds)

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """As the centre's administrator."""
        response = await self.client.request(method, f"/v1/subscribers{path}", json=body, headers=CENTRE)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    async def make(self, name: str, *streams: str) -> dict[str, Any]:
        """A subscriber that Kafka has let in; what its making answered."""
        made: dict[str, Any] = await self.ask("POST", "", {"name": name, "streams": [*streams]}, 201)
        assert made["subscriber"]["state"] == "applying"
        await self.duty.turn()
        return made

    async def state(self, made: dict[str, Any]) -> str:
        """How far Kafka is."""
        return str((await self.ask("GET", f"/{made['subscriber']['subscriber_id']}"))["subscriber"]["state"])

    def attempts(self, made: dict[str, Any]) -> Attempts:
        """As the subscriber, with the password that it was told."""
        user = made["subscriber"]["user"]
        return Attempts(outside(self.runtime, user, made["password"]), made["subscriber"]["group_prefix"] + "1")


def entrance_of(runtime: Runtime, ring: KeyRing) -> Entrance:
    kafka = runtime.stack.kafka
    return Entrance(kafka.external_bootstrap, kafka.certificates.authority, ring)


def application(runtime: Runtime, pool: Pool, entrance: Entrance | None) -> httpx.AsyncClient:
    """The service's HTTP application."""
    tokens, live = Tokens(), LiveSettings()
    app = create(
        pool,
        Authentication(tokens, tokens),
        MovableClock(NOW),
        LiveStream(live.max_viewers),
        live,
        ready=list,
        assets=runtime.stack.tools.assets,
        entrance=entrance,
    )
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://reporting", headers={"Accept-Language": "en"}
    )


@pytest.fixture(scope="module")
async def register(runtime: Runtime, filled: None) -> AsyncIterator[Register]:
    """An empty one. Nobody from outside is in Kafka before and after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JITASA_ASSETS", str(runtime.stack.tools.assets))
        database = runtime.create_database("reporting")
        pool = await open_pool(database, application="test")
        ring, gate = (
            KeyRing.from_file(runtime.stack.secrets.subscriber_sealing_keys),
            Gate(runtime.kafka_settings("gatekeeper")),
        )
        async with application(runtime, pool, entrance_of(runtime, ring)) as client:
            yield Register(runtime, database, pool, client, gate, ring)
        await gate.bring([])
        pool.terminate()
        runtime.drop_database(database)


async def test_who_is_let_in_reads_what_was_granted_and_no_password_is_kept(register: Register) -> None:
    made = await register.make("acme", S)
    assert await register.state(made) == "in_force"
    assert await asyncio.to_thread(register.attempts(made).readable) == {S}
    kept = [
        str(tuple(row))
        for table in ("subscriber", "subscriber_change")
        for row in await register.pool.fetch(f"SELECT * FROM {table}")  # noqa: S608 - the two names above
    ]
    assert made["password"] not in "".join(kept)
    sealed = "SELECT count(*) FROM subscriber WHERE num_nonnulls(sealing_key_id, wrapped_key, sealed_password) > 0"
    assert await register.pool.fetchval(sealed) == 0
    assert made["password"] in made["configuration"]["librdkafka"]
    seen = await register.ask("GET", f"/{made['subscriber']['subscriber_id']}")
    assert made["password"] not in json.dumps(seen)
    assert seen["connection"]["authority"].startswith("-----BEGIN CERTIFICATE-----")


async def test_a_password_waits_sealed_until_kafka_has_it(register: Register) -> None:
    made = await register.ask("POST", "", {"name": "waiting", "streams": [S]}, 201)
    row = await register.pool.fetchrow("SELECT * FROM subscriber WHERE name = 'waiting'")
    assert row is not None
    assert row["sealed_password"] is not None
    assert made["password"].encode() not in row["sealed_password"]
    assert not await asyncio.to_thread(gets_in, register.attempts(made).settings)
    await register.duty.turn()
    assert await asyncio.to_thread(gets_in, register.attempts(made).settings)


async def test_grants_are_changed_passwords_renewed_and_all_of_it_is_told(register: Register) -> None:
    made = await register.make("turned", S)
    path = f"/{made['subscriber']['subscriber_id']}"
    await register.ask("PUT", f"{path}/grant", {"streams": [H, H], "bytes_a_second": LEAST_BYTES})
    assert await register.state(made) == "applying"
    await register.duty.turn()
    assert await asyncio.to_thread(register.attempts(made).readable) == {H}
    renewed = await register.ask("POST", f"{path}/password")
    await register.duty.turn()
    assert not await asyncio.to_thread(gets_in, register.attempts(made).settings)
    assert await asyncio.to_thread(register.attempts(renewed).readable) == {H}
    await register.ask("POST", f"{path}/revocation", {"reason": "สัญญาสิ้นสุด"}, 204)
    assert await register.state(made) == "revoking"
    await register.duty.turn()
    assert await register.state(made) == "revoked"
    assert not await asyncio.to_thread(gets_in, register.attempts(renewed).settings)
    changes = (await register.ask("GET", path))["changes"]
    assert [change["change"] for change in changes] == ["revoked", "password", "granted", "made"]
    assert changes[0]["reason"] == "สัญญาสิ้นสุด"
    assert changes[2]["streams"] == [H]
    for method, step, body in (
        ("PUT", "grant", {"streams": [S]}),
        ("POST", "password", None),
        ("POST", "revocation", {"reason": "again"}),
    ):
        await register.ask(method, f"{path}/{step}", body, 404)
    taken = await register.ask("POST", "", {"name": "turned", "streams": [S]}, 409)
    assert taken["errors"][0]["path"] == "name"


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a-b", "streams": [S]},  # the groups of `a` would hold those of `a-b`
        {"name": "A1", "streams": [S]},
        {"name": "a", "streams": [S]},
        {"name": "a" * 33, "streams": [S]},
        {"name": "ab\n", "streams": [S]},
        {"name": "good", "streams": []},
        {"name": "good", "streams": [SURVEY_INTAKE.name]},
        {"name": "good", "streams": [S + "\n"]},
        {"name": "good", "streams": ["*"]},
        {"name": "good", "streams": [S], "bytes_a_second": LEAST_BYTES - 1},
        {"name": "good", "streams": [S], "request_percent": 0},
        {"name": "good", "streams": [S], "request_percent": 101},
        {"name": "good", "streams": [S], "password": "mine"},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
async def test_what_is_not_well_asked_is_refused(register: Register, body: dict[str, Any]) -> None:
    await register.ask("POST", "", body, 400)


async def test_only_the_centre_decides(register: Register) -> None:
    for headers, status in (({}, 401), (as_role(Role.PROVINCE_ADMINISTRATOR, "50"), 403)):
        for method, path in (("GET", ""), ("POST", ""), ("GET", f"/{uuid4()}"), ("POST", f"/{uuid4()}/password")):
            response = await register.client.request(method, f"/v1/subscribers{path}", json={}, headers=headers)
            assert response.status_code == status, (method, path)


async def test_an_account_belongs_to_one_subscriber_and_the_list_is_paged(register: Register) -> None:
    account = str(uuid4())
    await register.ask("POST", "", {"name": "page_one", "streams": [S], "client_id": account}, 201)
    taken = await register.ask("POST", "", {"name": "page_two", "streams": [S], "client_id": account}, 409)
    assert taken["errors"][0]["path"] == "client_id"
    await register.ask("POST", "", {"name": "page_two", "streams": [*STREAMS]}, 201)
    names: list[str] = []
    cursor = None
    while True:
        page = await register.ask("GET", "?limit=2" + ("" if cursor is None else f"&cursor={cursor}"))
        names += [each["name"] for each in page["subscribers"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert names == sorted(set(names))
    assert {"page_one", "page_two"} <= set(names)
    await register.ask("GET", "?cursor=!", status=400)


async def test_where_there_is_no_listener_nobody_is_let_in(register: Register) -> None:
    async with application(register.runtime, register.pool, None) as client:
        response = await client.post("/v1/subscribers", json={"name": "nowhere", "streams": [S]}, headers=CENTRE)
    assert (response.status_code, response.json()["code"]) == (409, "no_listener")
    async with acquire(register.pool) as connection:
        assert await store.named(connection, "nowhere") is None


async def test_what_was_changed_in_kafka_by_other_hands_is_put_right(register: Register) -> None:
    made = await register.make("drift", S)
    attempts = register.attempts(made)
    stranger = Admission(user_of("stranger"), "ext-stranger-", Grant((S,)), "let in by hand")
    own = Admission(made["subscriber"]["user"], made["subscriber"]["group_prefix"], Grant((H,)), None)
    await register.gate.bring([own, stranger])
    settings = outside(register.runtime, stranger.user, "let in by hand")
    assert await asyncio.to_thread(gets_in, settings)
    await register.duty.turn()  # nothing was decided, and it is too soon to look
    assert await asyncio.to_thread(attempts.readable) == {H}
    register.seconds += CHECK_SECONDS + 1
    await register.duty.turn()
    assert await asyncio.to_thread(attempts.readable) == {S}
    assert not await asyncio.to_thread(gets_in, settings)
    assert await register.state(made) == "in_force"


async def test_the_private_topic_is_not_given_whatever_stands_in_the_database(register: Register) -> None:
    made = await register.make("sly", S)
    change = "UPDATE subscriber SET streams = $2, revision = revision + 1 WHERE name = $1"
    await register.pool.execute(change, "sly", [S, SURVEY_INTAKE.name, "__consumer_offsets"])
    await register.duty.turn()
    assert await asyncio.to_thread(register.attempts(made).readable) == {S}


async def test_a_password_that_kafka_has_lost_is_told_and_a_new_one_helps(register: Register) -> None:
    made = await register.make("lost", S)
    deletion = UserScramCredentialDeletion(user_of("lost"), ScramMechanism.SCRAM_SHA_512)
    for answer in register.runtime.admin.alter_user_scram_credentials([deletion]).values():
        answer.result(10)
    register.seconds += CHECK_SECONDS + 1
    await register.duty.turn()
    assert await register.state(made) == "password_lost"
    renewed = await register.ask("POST", f"/{made['subscriber']['subscriber_id']}/password")
    await register.duty.turn()
    assert await register.state(made) == "in_force"
    assert await asyncio.to_thread(register.attempts(renewed).readable) == {S}


class Interrupted:
    """A gate whose keeper dies, or is overtaken, when Kafka has everything and the database does not know it yet."""

    def __init__(self, gate: Gate, meanwhile: Any) -> None:
        self._gate = gate
        self._meanwhile = meanwhile

    async def bring(self, admissions: Sequence[Admission]) -> frozenset[str]:
        """As the real one, and then."""
        found = await self._gate.bring(admissions)
        await self._meanwhile()
        return found


async def test_a_keeper_that_is_killed_before_it_noted_it_is_followed_by_one_that_does(register: Register) -> None:
    made = await register.ask("POST", "", {"name": "killed", "streams": [S]}, 201)

    async def die() -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await register.keeper(Interrupted(register.gate, die)).turn()
    assert await register.state(made) == "applying"
    await register.keeper(register.gate).turn()
    assert await register.state(made) == "in_force"
    assert await asyncio.to_thread(register.attempts(made).readable) == {S}


async def test_what_is_decided_while_kafka_is_told_is_told_next(register: Register) -> None:
    made = await register.ask("POST", "", {"name": "overtaken", "streams": [S]}, 201)
    renewed: list[dict[str, Any]] = []

    async def renew() -> None:
        renewed.append(await register.ask("POST", f"/{made['subscriber']['subscriber_id']}/password"))

    await register.keeper(Interrupted(register.gate, renew)).turn()
    assert await register.state(made) == "applying"
    await register.duty.turn()
    assert await register.state(made) == "in_force"
    assert not await asyncio.to_thread(gets_in, register.attempts(made).settings)
    assert await asyncio.to_thread(gets_in, register.attempts(renewed[0]).settings)


async def test_the_command_does_the_same(
    register: Register, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kafka, secrets = register.runtime.stack.kafka, register.runtime.stack.secrets
    for name, value in {
        "SUBSCRIBER_BOOTSTRAP": kafka.external_bootstrap,
        "SUBSCRIBER_AUTHORITY_FILE": str(kafka.certificates.authority),
        "SUBSCRIBER_SEALING_KEYS_FILE": str(secrets.subscriber_sealing_keys),
        "POSTGRES_HOST": register.database.host,
        "POSTGRES_PORT": str(register.database.port),
        "POSTGRES_DATABASE": register.database.database,
        "POSTGRES_USER": register.database.user,
        "POSTGRES_PASSWORD_FILE": str(register.database.password_file),
    }.items():
        monkeypatch.setenv(f"JITASA_{name}", value)

    async def command(*words: str) -> str:
        assert await admin.main(admin.parser().parse_args(["subscribers", *words])) == 0
        return capsys.readouterr().out

    async def keep() -> None:
        while True:
            await register.duty.turn()
            await asyncio.sleep(EVERY_SECONDS)

    keeping = asyncio.create_task(keep())
    try:
        printed = await command("create", "machine", "--streams", S, H)
        password = next(line.partition("=")[2] for line in printed.splitlines() if line.startswith("sasl.password="))
        assert printed.count(password) == 3  # librdkafka's, Java's and Python's
        attempts = Attempts(outside(register.runtime, user_of("machine"), password), "ext-machine-1")
        assert await asyncio.to_thread(attempts.readable) == {S, H}
        await command("grant", "machine", "--streams", S)
        assert await asyncio.to_thread(attempts.readable) == {S}
        folder = tmp_path / "files"
        assert password not in await command("rotate", "machine", "--into", str(folder))
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
        assert (folder / AUTHORITY_FILE).read_text() == kafka.certificates.authority.read_text()
        assert password not in (folder / LIBRDKAFKA_FILE).read_text()
        assert not await asyncio.to_thread(gets_in, attempts.settings)
        assert await command("authority") == kafka.certificates.authority.read_text()
        assert "machine" in await command("list")
        assert "revoked" in await command("revoke", "machine", "--reason", "done")
        for words in (["create", "machine", "--streams", S], ["rotate", "machine"], ["rotate", "nobody"]):
            with pytest.raises(Usage):
                await command(*words)
        with pytest.raises(SystemExit):
            admin.parser().parse_args(["subscribers", "create", "other", "--streams", SURVEY_INTAKE.name])
        decided = await register.pool.fetch("SELECT DISTINCT changed_by FROM subscriber_change WHERE revision = 2")
        assert UUID(int=0) in {row[0] for row in decided}
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})
