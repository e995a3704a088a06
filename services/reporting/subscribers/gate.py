"""Kafka's side: whom it lets in, what they may read and how fast, compared with what it should be and put right.

Every step can be repeated, and a turn that is broken off leaves nobody with more than was decided: rights are taken
away before anything is given, and the password, which opens the door, is set last.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from services.reporting.subscribers.domain import PREFIX, STREAMS, Grant
from shared.kafka.administration import (
    REQUEST_SECONDS,
    alter_credentials,
    everybodys_rights,
    give,
    open_admin,
    take,
)
from shared.kafka.settings import KafkaSettings
from shared.kafka.users import Mechanism, Users, users

_LIBRARYS: Final = {
    Mechanism.SCRAM_SHA_512: ScramMechanism.SCRAM_SHA_512,  # of the listener for subscribers alone
    Mechanism.SCRAM_SHA_256: ScramMechanism.SCRAM_SHA_256,  # of the services' listener: no subscriber may have it
}
ITERATIONS: Final = 8192
"""Twice Kafka's minimum. The passwords are random: a guess is hopeless with any number, and each login costs it."""
LOOK_SECONDS: Final = 0.02


class NotInForce(Exception):
    """Kafka has taken the changes, and did not show them in time."""


@dataclass(frozen=True, slots=True)
class Admission:
    """One user that is let in. group_prefix: of its consumer groups; password: a new one, None to leave it as it is."""

    user: str
    group_prefix: str
    grant: Grant
    password: str | None


class Gate:
    """The gatekeeper's access to Kafka, opened for each time: there may be days between two."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    async def bring(self, admissions: Sequence[Admission]) -> frozenset[str]:
        """Let in exactly these users, and nobody else of those from outside. Returns the users for whom Kafka has no
        password, and none was given here.

        Raises `confluent_kafka.KafkaException`, `aiokafka.errors.KafkaError`, `TimeoutError`, `NotInForce`; whatever
        was done by then is right, and the rest is done by the next call.
        """
        admin = open_admin(self._settings)
        wanted = {each.user: each for each in admissions}
        rights = _rights(admissions)
        async with users(self._settings) as access:
            held = await asyncio.to_thread(_held, admin)
            await asyncio.to_thread(take, admin, held - rights)
            await _close(admin, await _credentials(access), wanted)
            await _limit(access, wanted)
            await asyncio.to_thread(give, admin, rights - held)
            await asyncio.to_thread(_open, admin, wanted)
            return await _in_force(admin, access, rights, wanted)


async def _close(admin: AdminClient, held: Mapping[str, frozenset[Mechanism]], wanted: Mapping[str, Admission]) -> None:
    for mechanism, librarys in _LIBRARYS.items():  # no user may be named twice in one request
        closed = [
            UserScramCredentialDeletion(user, librarys)
            for user, mechanisms in held.items()
            if mechanism in mechanisms and (user not in wanted or mechanism is not Mechanism.SCRAM_SHA_512)
        ]
        await asyncio.to_thread(alter_credentials, admin, closed)


async def _limit(access: Users, wanted: Mapping[str, Admission]) -> None:
    held = {user: values for user, values in (await access.quotas()).items() if user.startswith(PREFIX)}
    changes: dict[str, Mapping[str, float | None]] = {}
    for user in {*held, *wanted}:
        limits = wanted[user].grant.quotas if user in wanted else {}
        present = held.get(user, {})
        changed: dict[str, float | None] = {
            name: limits.get(name) for name in {*limits, *present} if limits.get(name) != present.get(name)
        }
        if changed:
            changes[user] = changed
    await access.set_quotas(changes)


def _open(admin: AdminClient, wanted: Mapping[str, Admission]) -> None:
    information = ScramCredentialInfo(_LIBRARYS[Mechanism.SCRAM_SHA_512], ITERATIONS)
    alter_credentials(
        admin,
        [
            UserScramCredentialUpsertion(user, information, each.password.encode())
            for user, each in wanted.items()
            if each.password is not None
        ],
    )


async def _in_force(
    admin: AdminClient, access: Users, rights: frozenset[AclBinding], wanted: Mapping[str, Admission]
) -> frozenset[str]:
    """A change is answered by the controller before the broker, which decides, has heard of it."""
    given = {user for user, each in wanted.items() if each.password is not None}
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            while True:
                known = (await _credentials(access)).keys()
                if given <= known <= wanted.keys() and await asyncio.to_thread(_held, admin) == rights:
                    return frozenset(wanted.keys() - known)
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise NotInForce from None


async def _credentials(access: Users) -> Mapping[str, frozenset[Mechanism]]:
    return {user: held for user, held in (await access.credentials()).items() if user.startswith(PREFIX)}


def _held(admin: AdminClient) -> frozenset[AclBinding]:
    return frozenset(each for each in everybodys_rights(admin) if each.principal.startswith(f"User:{PREFIX}"))


def _rights(admissions: Iterable[Admission]) -> frozenset[AclBinding]:
    """Read what was granted, and consume in groups of its own; nothing else. What is no public stream is not given,
    whatever stands in the database: more processes than the keeper write there."""
    literal, prefixed = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
    return frozenset(
        AclBinding(kind, name, pattern, f"User:{each.user}", "*", operation, AclPermissionType.ALLOW)
        for each in admissions
        for kind, name, pattern in (
            *((ResourceType.TOPIC, stream, literal) for stream in each.grant.streams if stream in STREAMS),
            (ResourceType.GROUP, each.group_prefix, prefixed),
        )
        for operation in (AclOperation.READ, AclOperation.DESCRIBE)
    )
