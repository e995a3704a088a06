"""The matrix of rights: everybody tries everything on a real broker, and exactly what the table says succeeds."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from deploy import provisioning
from deploy.catalogue import SERVICES
from deploy.local.certificates import Certificates
from services.reporting.subscribers.domain import STREAMS
from shared.contracts.topics import (
    FACILITY_UPDATED,
    FURTHER_FACILITY_UPDATED,
    HELP_UPDATED,
    SURVEY_INTAKE,
    SURVEY_SUBMITTED,
    VOLUNTEER_REGISTERED,
)
from tests.integration.outside.actors import GUESSED, TOPICS, Attempts, gets_in, inside, outside
from tests.integration.outside.conftest import Door
from tests.runtime import Runtime

V, S, F, M, H, I = (  # noqa: E741 - the table below has a column for each
    topic.name
    for topic in (
        VOLUNTEER_REGISTERED,
        SURVEY_SUBMITTED,
        FACILITY_UPDATED,
        FURTHER_FACILITY_UPDATED,
        HELP_UPDATED,
        SURVEY_INTAKE,
    )
)
KEEPING: Final = frozenset(
    {"read rights", "give itself rights", "set passwords", "read who has passwords", "set quotas"}
)
WATCHING: Final = frozenset({"look at another's group", "read another's place", "see another's group in the list"})
WRITING: Final = frozenset({"take a producer's number"})
"""Whoever may write somewhere may do so without duplicates."""


@dataclass(frozen=True)
class May:
    """What one may, beside seeing what it may read or write: nothing else succeeds."""

    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()
    else_: frozenset[str] = frozenset()


TABLE: Final[Mapping[str, May]] = {
    "registration": May(frozenset({V}), frozenset({V})),
    # Who publishes from an outbox reads it back after its database was restored.
    "survey": May(frozenset({I, S, V, F, H}), frozenset({I, S, H})),
    "facilities": May(frozenset({V, F, M}), frozenset({F, M})),
    # It tells subscribers, and the centre, how far behind they are.
    "reporting": May(frozenset({V, S, F, M, H}), else_=WATCHING),
    # It could give itself rights, as whoever may give rights can: its password is its keeper's alone.
    "gatekeeper": May(else_=KEEPING | {"change settings of the broker", "see another's group in the list"}),
    "ext-some": May(frozenset({S, H})),
    "ext-all": May(frozenset({V, S, F, M, H})),
}
"""`look at another's group` and what follows are about the group of somebody else in every case."""


@pytest.fixture(scope="module")
async def everybody(runtime: Runtime, door: Door, filled: None) -> Mapping[str, Attempts]:
    """Everybody of the table."""
    found = {user: Attempts(inside(runtime, user), f"{user}-matrix") for user in TABLE if not user.startswith("ext-")}
    found["ext-some"] = await door.let_in("some", S, H)
    found["ext-all"] = await door.let_in("all", *STREAMS)
    return found


@pytest.fixture(scope="module")
async def victim(runtime: Runtime, door: Door, filled: None) -> str:
    """A group of a subscriber whose name begins as another's does: `some` and `some_more`."""
    other = await door.let_in("some_more", S)
    assert await asyncio.to_thread(other.joins, other.group, S)
    return other.group


@pytest.mark.parametrize("user", TABLE)
async def test_exactly_what_the_table_says_is_possible(
    user: str, everybody: Mapping[str, Attempts], victim: str
) -> None:
    attempts, may = everybody[user], TABLE[user]
    assert await asyncio.to_thread(attempts.visible) == may.read | may.write
    if user == "gatekeeper":  # it may use no group, and cannot even begin
        assert not await asyncio.to_thread(attempts.joins, attempts.group, S)
    else:
        assert await asyncio.to_thread(attempts.readable) == may.read
    assert await asyncio.to_thread(attempts.writable) == may.write
    if may.write:
        assert await asyncio.to_thread(attempts.writable, idempotent=True) == may.write
    assert await asyncio.to_thread(attempts.possible, victim) == may.else_ | (WRITING if may.write else set())


@pytest.mark.parametrize("user", TABLE)
async def test_nobody_consumes_in_a_group_that_is_not_his(
    user: str, everybody: Mapping[str, Attempts], victim: str
) -> None:
    attempts, may = everybody[user], TABLE[user]
    topic = min(may.read, default=S)
    others = ["survey-recorder", "reporting-projector", victim, "any", "ext-", "ext-some", "ext-all"]
    mine = [group for group in others if group.startswith((f"{user}-", user)) and not user.startswith("ext-")]
    for group in others:
        assert await asyncio.to_thread(attempts.joins, group, topic) == (group in mine), group
    if may.read:
        assert await asyncio.to_thread(attempts.joins, f"{user}-of-its-own", topic)


@pytest.mark.parametrize("user", TABLE)
async def test_nobody_deletes_a_topic(user: str, everybody: Mapping[str, Attempts]) -> None:
    for topic in TOPICS:
        assert not await asyncio.to_thread(everybody[user].deletes, topic), topic


async def test_a_topic_that_is_not_granted_looks_like_one_that_does_not_exist(
    everybody: Mapping[str, Attempts],
) -> None:
    attempts = everybody["ext-some"]
    assert await asyncio.to_thread(attempts.readable, (S, I, F, GUESSED)) == {S}


@pytest.mark.parametrize("case", ["revoked", "unknown", "wrong password", "no password"])
async def test_who_proves_nothing_stays_outside(case: str, runtime: Runtime, door: Door) -> None:
    await door.let_in("gone", S)
    settings = door.attempts("gone").settings
    assert await asyncio.to_thread(gets_in, settings)
    match case:
        case "revoked":
            await door.shut_out("gone")
        case "unknown":
            settings = {**settings, "sasl.username": "ext-nobody"}
        case "wrong password":
            settings = {**settings, "sasl.password": "guessed"}
        case _:
            settings = {name: value for name, value in settings.items() if not name.startswith("sasl.")}
            settings["security.protocol"] = "SSL"
    assert not await asyncio.to_thread(gets_in, settings, hung_up=case == "no password")
    await door.shut_out("gone")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
@pytest.mark.parametrize("user", ["broker", "admin", "gatekeeper", *(service.name for service in SERVICES)])
async def test_who_belongs_inside_cannot_sign_in_outside(user: str, mechanism: str, runtime: Runtime) -> None:
    password = runtime.stack.secrets.kafka_password(user)
    settings = outside(runtime, user, password, **{"sasl.mechanism": mechanism})
    assert not await asyncio.to_thread(gets_in, settings)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
async def test_a_subscriber_cannot_sign_in_inside(mechanism: str, runtime: Runtime, door: Door) -> None:
    await door.let_in("some", S, H)
    settings = inside(runtime, "ext-some", "password of some", **{"sasl.mechanism": mechanism})
    assert not await asyncio.to_thread(gets_in, settings)
    controller = {**settings, "bootstrap.servers": f"127.0.0.1:{runtime.stack.kafka.controller_port}"}
    assert not await asyncio.to_thread(gets_in, controller)


@pytest.mark.parametrize(
    "other",
    [
        {"security.protocol": "PLAINTEXT"},
        {"security.protocol": "SASL_PLAINTEXT"},
        {"security.protocol": "SSL"},
        {"ssl.ca.location": "another"},
    ],
    ids=lambda other: "-".join(other.values()),
)
async def test_the_port_speaks_with_nobody_but_by_tls_and_scram(
    other: Mapping[str, str], runtime: Runtime, door: Door, tmp_path: Path
) -> None:
    await door.let_in("some", S, H)
    changed: dict[str, Any] = dict(other)
    if "ssl.ca.location" in changed:
        foreign = Certificates(tmp_path)
        foreign.prepare()
        changed["ssl.ca.location"] = str(foreign.authority)
    assert await asyncio.to_thread(gets_in, door.attempts("some").settings)
    hung_up = "security.protocol" in other
    assert not await asyncio.to_thread(gets_in, {**door.attempts("some").settings, **changed}, hung_up=hung_up)


@pytest.mark.parametrize(("name", "fits"), [("127.0.0.1", True), ("localhost", True), ("kafka.example", False)])
async def test_the_certificate_is_for_this_machine_alone(name: str, fits: bool, runtime: Runtime) -> None:
    context = ssl.create_default_context(cafile=str(runtime.stack.kafka.certificates.authority))
    host, _, port = runtime.stack.kafka.external_bootstrap.partition(":")
    connecting = asyncio.open_connection(host, int(port), ssl=context, server_hostname=name)
    if not fits:
        with pytest.raises(ssl.SSLCertVerificationError):
            await connecting
        return
    _, writer = await connecting
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    writer.transport.abort()


async def test_a_right_that_somebody_added_by_hand_is_noticed_and_taken_away(runtime: Runtime, door: Door) -> None:
    """The matrix would notice: a right too many makes it fail, and the next turn of the gatekeeper mends it."""
    attempts = await door.let_in("some", S, H)
    slip = AclBinding(
        ResourceType.TOPIC,
        SURVEY_INTAKE.name,
        ResourcePatternType.LITERAL,
        "User:ext-some",
        "*",
        AclOperation.READ,
        AclPermissionType.ALLOW,
    )
    for answer in runtime.admin.create_acls([slip]).values():
        answer.result(10)
    assert I in await asyncio.to_thread(attempts.readable)
    await door.bring()
    assert await asyncio.to_thread(attempts.readable) == {S, H}


def test_what_the_gatekeeper_gave_itself_is_gone_after_the_next_start(runtime: Runtime) -> None:
    """It gave itself a right above, as the table says; and rights that the table does not try would show here."""
    provisioning.rights(runtime.admin, SERVICES)
    held = provisioning.held(runtime.admin, SERVICES)
    assert held == {binding for service in SERVICES for binding in provisioning.bindings(service)}
