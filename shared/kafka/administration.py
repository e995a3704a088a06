"""Kafka's administration by librdkafka's requests: a client that is asked again and again, everybody's rights, and the
passwords that are set. Each is waited for until Kafka has answered all of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    UserScramCredentialAlteration,
)

from shared.kafka.settings import KafkaSettings

REQUEST_SECONDS: Final = 15.0
"""Each request takes well below a second on a healthy cluster; one that is electing leaders needs a few."""

Answer = TypeVar("Answer")


def open_admin(settings: KafkaSettings) -> AdminClient:
    """A client that keeps what librdkafka has to say to itself: whoever asks gets an error."""
    return AdminClient({**settings.for_librdkafka(), "log_level": 0})


class Admin:
    """A client for who asks again and again, in any thread. One that failed is not asked again.

    A broker that has just come back from a pause says for a moment that there are no brokers (it counts itself as
    fenced). librdkafka 2.16 gives up the last one that it knew then, and times out from there on, the broker being well
    (seen for four minutes, after which it was not looked at any more). And after an election it goes on asking by the
    leader's epoch that it knew, which is refused.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client: AdminClient | None = None

    def ask(self, question: Callable[[AdminClient], Answer]) -> Answer:
        """What `question` makes of the client; raises what it raises."""
        client = self._client
        if client is None:  # a client is false while nothing waits in it
            client = self._client = open_admin(self._settings)
        try:
            return question(client)
        except BaseException:
            if self._client is client:  # otherwise somebody else has opened another meanwhile
                self._client = None
            raise


def wait_all(answers: Mapping[Any, Future[Any]], *, but: int | None = None) -> None:
    """Wait for every answer; raises the first error (`confluent_kafka.KafkaException`), except those of the code
    `but`."""
    for answer in answers.values():
        try:
            answer.result(REQUEST_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != but:
                raise


def everybodys_rights(admin: AdminClient) -> Sequence[AclBinding]:
    """All rights that the cluster has given."""
    # None matches anything, which the library's annotations leave out.
    anything = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    found: list[AclBinding] = admin.describe_acls(anything, request_timeout=REQUEST_SECONDS).result(REQUEST_SECONDS)
    return found


def give(admin: AdminClient, rights: Collection[AclBinding]) -> None:
    """Give rights. The controller answers before the broker, which decides, has heard of it."""
    if rights:
        wait_all(admin.create_acls(list(rights), request_timeout=REQUEST_SECONDS))


def take(admin: AdminClient, rights: Collection[AclBinding]) -> None:
    """Take away exactly these rights; heard of by the broker later, as with `give`."""
    if rights:
        wait_all(admin.delete_acls([_exactly(each) for each in rights], request_timeout=REQUEST_SECONDS))


def alter_credentials(admin: AdminClient, changes: Sequence[UserScramCredentialAlteration]) -> None:
    """Set passwords and take them away; Kafka lets no user be named twice in one call."""
    if changes:
        wait_all(admin.alter_user_scram_credentials(list(changes), request_timeout=REQUEST_SECONDS))


def _exactly(right: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        right.restype,
        right.name,
        right.resource_pattern_type,
        right.principal,
        right.host,
        right.operation,
        right.permission_type,
    )
